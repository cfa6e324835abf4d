// Base64url without padding. 32 bytes take 43 characters; the last one carries only four bits.

export const THIRTY_TWO_BYTES = /^[A-Za-z0-9_-]{43}$/;

export function fromBase64Url(text) {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
