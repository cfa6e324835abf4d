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

function prepared(createVerifier, vector, options = {}) {
  const verifier = createVerifier({
    root: vector.root,
    keyring: bytes(vector.keyring),
    secrets: vector.secrets,
    ...options,
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
  return outcome(adopt, verifier.verify(vector.token, demand));
}

// The same for a vector of assignments, whose files are fetched as the verifier asks for them. Keyring
// and stamp are those of the last bundle. `isBound` for the class that takes files instead of a source.
export async function verifyAssignment(createVerifier, vector, isBound = false) {
  const { files, source } = served(vector);
  const { verifier, adopt, demand } = prepared(createVerifier, vector, isBound ? {} : { source });
  let verdict = verifier.verify(vector.token, demand);
  if (verdict.code === 'assignment_unavailable') {
    if (isBound) updateFrom(verifier, files, demand);
    else await verifier.refresh({ now: demand.now });
    verdict = verifier.verify(vector.token, demand);
  }
  return outcome(adopt, verdict);
}

// A verifier that has adopted a vector's bundles, with a source of its files.
export function withSource(createVerifier, vector) {
  return prepared(createVerifier, vector, { source: served(vector).source }).verifier;
}

// What a source serves of a vector: its files, and keyring and stamp of the last bundle.
function served(vector) {
  // A source serves no file under another's name.
  const given = vector.files?.filter(({ refused }) => refused !== 'list_wrong_digest');
  const files = new Map(given?.flatMap(({ digest, bytes: file }) => {
    const name = Array.from(bytes(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
    return ['private', 'policies'].map((folder) => [`${folder}/${name}`, bytes(file)]);
  }));
  const bundle = vector.adopt.at(-1)?.bundle;
  const [keyring, stamp] = bundle === undefined ? [] : firstParts(bytes(bundle));
  files.set('keyring', keyring).set('stamp', stamp);
  const source = {
    get: async (name) => files.get(name) ?? Promise.reject(Object.assign(new Error('absent'), { status: 404 })),
  };
  return { files, source };
}

// Keyring and stamp of a bundle.
function firstParts(bundle) {
  const view = new DataView(bundle.buffer, bundle.byteOffset);
  let at = 4;
  return [0, 1].map(() => {
    const from = at + 4;
    at = from + view.getUint32(at);
    return bundle.subarray(from, at);
  });
}

function updateFrom(verifier, all, { now }) {
  const held = {};
  for (;;) {
    const wanted = verifier.update(held, { now });
    if (wanted.length === 0) return;
    for (const { name } of wanted) held[name] = all.get(name) ?? null;
  }
}

function outcome(adopt, verdict) {
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
