// 32 bytes in base64url without padding: 43 characters, of which the last carries only four bits.

export const THIRTY_TWO_BYTES = /^[A-Za-z0-9_-]{43}$/;

export function fromBase64Url(text) {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
