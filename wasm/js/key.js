// What an accepted key says, as JSON has it.

// Each name by itself: what only wraps a key has none of its own.
export function asJson({ name, issuer, kind, environment, algorithm, kid, serial, issuedAt, expiresAt, owner, policy }) {
  return { name, issuer, kind, environment, algorithm, kid, serial, issuedAt, expiresAt, owner, policy };
}
