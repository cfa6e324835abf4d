// The JSON form of an accepted key.

// Reads each property by name, because a wrapper of a key has no own properties.
export function asJson({ name, issuer, kind, environment, algorithm, kid, serial, issuedAt, expiresAt, owner, policy }) {
  return { name, issuer, kind, environment, algorithm, kid, serial, issuedAt, expiresAt, owner, policy };
}
