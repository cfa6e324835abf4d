// Runs one shared vector with the package, in whatever runtime this is.

function bytes(text) {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

const FIELDS = [
  'name', 'issuer', 'kind', 'environment', 'algorithm', 'kid', 'serial', 'issuedAt', 'expiresAt',
  'owner', 'policy',
];

export function judge(createVerifier, vector) {
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
  const verdict = verifier.verify(vector.token, {
    now: vector.now_ms,
    kind: vector.kind ?? undefined,
    environment: vector.environment ?? undefined,
  });
  // By name: some fields of a key may be made only when they are asked for.
  const key = verdict.ok ? Object.fromEntries(FIELDS.map((name) => [name, verdict.key[name]])) : null;
  return { adopt, ok: verdict.ok, code: verdict.code ?? null, key };
}
