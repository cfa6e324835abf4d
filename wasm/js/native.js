// Ed25519 by the platform, which checks a signature that was not seen before faster than the engine.
// What it may be asked about, and so that every platform gives one verdict, is the engine's to say.

import { platform } from './platform.js';

const KEYS = new Map();
const KEYS_AT_MOST = 64;

// Whether the signature is good. `undefined` where the platform can't tell.
export async function isGood({ key, message, signature }) {
  try {
    if (platform.verifyEd25519 !== undefined) return platform.verifyEd25519(key, message, signature);
    const { subtle } = globalThis.crypto;
    const imported = await importKey(subtle, key);
    return await subtle.verify({ name: 'Ed25519' }, imported, signature, message);
  } catch {
    return undefined;
  }
}

// A keyring has few keys, and anybody's token can name only those.
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
