// Decodes and encodes the texts of keys in any runtime, and changes one byte of a key with a matching
// checksum.

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

// CRC-32/ISO-HDLC, bit by bit.
function crc32(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
}

// XORs the mask onto the 28 signed bytes.
function toggleMask(bytes) {
  const view = new DataView(bytes.buffer);
  const seed = view.getUint32(40);
  for (let word = 0; word < 7; word += 1) {
    let mixed = (seed + Math.imul(word + 1, 0x9e3779b9)) >>> 0;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b) >>> 0;
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35) >>> 0;
    view.setUint32(4 * word, view.getUint32(4 * word) ^ mixed ^ (mixed >>> 16));
  }
  return bytes;
}

// The 96 or 48 bytes of a key's text without the mask, including the checksum.
export function decode(token) {
  const text = token.slice(token.lastIndexOf('_') + 1);
  return toggleMask(Uint8Array.from(text.match(/.{11}/g).flatMap((chunk) => {
    const value = [...chunk].reduce((sum, c) => sum * 62n + BigInt(DIGITS.indexOf(c)), 0n);
    return Array.from({ length: 8 }, (_, at) => Number((value >> BigInt(56 - 8 * at)) & 255n));
  })));
}

// The text of a key with these bytes, under a mask, and a checksum that matches them and the version.
export function encode(prefix, bytes, version = 1) {
  const sent = toggleMask(Uint8Array.from(bytes));
  const check = crc32([...new TextEncoder().encode(prefix), ...sent, version]);
  const whole = [...sent, check >>> 24, (check >>> 16) & 255, (check >>> 8) & 255, check & 255];
  let text = '';
  for (let from = 0; from < whole.length; from += 8) {
    let value = whole.slice(from, from + 8).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    let chunk = '';
    for (let digit = 0; digit < 11; digit += 1, value /= 62n) chunk = DIGITS[value % 62n] + chunk;
    text += chunk;
  }
  return prefix + text;
}

// `token` with one byte changed and a matching checksum.
export function changed(token, at, change = (byte) => byte ^ 1) {
  const covered = decode(token).slice(0, -4);
  covered[at] = change(covered[at]);
  return encode(token.slice(0, token.lastIndexOf('_') + 1), covered);
}
