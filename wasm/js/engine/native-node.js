// Ed25519 with Node's own crypto module.

import { createPublicKey, verify } from 'node:crypto';
import { platform } from '../shared/platform.js';

// RFC 8410: the DER prefix of a 32-byte public key.
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');
// Synchronous, and cheaper than the way through WebCrypto.
platform.verifyEd25519 = (key, message, signature) => {
  const publicKey = createPublicKey({ key: Buffer.concat([SPKI, key]), format: 'der', type: 'spki' });
  return verify(null, message, publicKey, signature);
};
