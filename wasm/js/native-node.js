// Ed25519 by Node's own module, where it is at hand.

import { createPublicKey, verify } from 'node:crypto';
import { platform } from './platform.js';

// RFC 8410: what stands before the 32 bytes of a public key.
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');
// At once, and without the detour that WebCrypto takes.
platform.verifyEd25519 = (key, message, signature) => {
  const publicKey = createPublicKey({ key: Buffer.concat([SPKI, key]), format: 'der', type: 'spki' });
  return verify(null, message, publicKey, signature);
};
