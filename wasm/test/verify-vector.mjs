// Runs one shared vector with the package in any runtime: the key alone, and in a request, for which the
// platform's Ed25519 is used.

function bytes(text) {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

const FIELDS = [
  'name', 'issuer', 'kind', 'environment', 'algorithm', 'kid', 'serial', 'issuedAt', 'expiresAt',
  'owner', 'policy',
];

function prepared(createVerifier, vector) {
  const verifier = createVerifier({
    root: vector.root,
    keyring: bytes(vector.keyring),
    secrets: vector.secrets,
  });
  const adopt = vector.adopt.map(({ bundle, at_ms: now }) => {
    try {
      verifier.adopt(bytes(bundle), { now });
      return null;
    } catch (error) {
      return error.code;
    }
  });
  const demand = {
    now: vector.now_ms,
    kind: vector.kind ?? undefined,
    environment: vector.environment ?? undefined,
  };
  return { verifier, adopt, demand };
}

export function verifyVector(createVerifier, vector) {
  const { verifier, adopt, demand } = prepared(createVerifier, vector);
  const verdict = verifier.verify(vector.token, demand);
  // Read by name, because some fields of a key are getters.
  const key = verdict.ok ? Object.fromEntries(FIELDS.map((name) => [name, verdict.key[name]])) : null;
  return { adopt, ok: verdict.ok, code: verdict.code ?? null, key };
}

// The codes of a request beyond those of a key: no policies are held here, and the key may be empty.
const OF_REQUESTS = { policy_missing: null, policy_unavailable: null, no_key: 'malformed_empty' };

// The code, with the platform's Ed25519 used before the engine.
export async function verifyByPlatform(createVerifier, vector) {
  const { verifier, demand } = prepared(createVerifier, vector);
  const request = { headers: {}, method: 'GET', url: '/' };
  const { code = null } = await verifier.authenticate(request, { ...demand, getKey: () => vector.token });
  return code in OF_REQUESTS ? OF_REQUESTS[code] : code;
}
