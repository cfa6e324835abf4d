// HMAC-SHA256 (RFC 2104). A token carries its first 16 bytes.

import { hmac, sha256 } from '../../dist/noble.js';
import { sameBytes } from './reader.js';

export const TAG_BYTES = 16;

export function hmacSha256(secret, message) {
  return hmac(sha256, secret, message);
}

export function isTag(secret, message, tag) {
  return sameBytes(hmacSha256(secret, message).subarray(0, TAG_BYTES), tag);
}
