// Ed25519 by the platform, which verifies a new signature faster than the engine. The engine
// decides which signatures may be verified natively, so that all platforms give the same verdict.

import { platform } from '../shared/platform.js';

const KEYS = new Map();
const KEYS_AT_MOST = 64;

// Whether the signature is good; `undefined` if the platform can't verify it.
export async function verifyNatively({ key, message, signature }) {
  try {
    if (platform.verifyEd25519 !== undefined) return platform.verifyEd25519(key, message, signature);
    const { subtle } = globalThis.crypto;
    const imported = await importKey(subtle, key);
    return await subtle.verify({ name: 'Ed25519' }, imported, signature, message);
  } catch {
    return undefined;
  }
}

// The cache is small: a keyring has few keys, and a token can name only those.
function importKey(subtle, key) {
  const name = key.join();
  let imported = KEYS.get(name);
  if (imported === undefined) {
    imported = subtle.importKey('raw', key, { name: 'Ed25519' }, false, ['verify']);
    imported.catch(() => KEYS.delete(name));
    if (KEYS.size >= KEYS_AT_MOST) KEYS.clear();
    KEYS.set(name, imported);
  }
  return imported;
}
