// The parts of the noble libraries that the package uses, for dist/noble.js.
export { ed25519 } from '@noble/curves/ed25519.js';
export { hmac } from '@noble/hashes/hmac.js';
export { sha256, sha512 } from '@noble/hashes/sha2.js';
