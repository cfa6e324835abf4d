// Decodes and encodes tokens, to forge them as well as an attacker without the key can.

import { crc32 } from 'node:zlib';

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** XORs the mask onto the 28 signed bytes, in place. */
function toggleMask(bytes) {
  const seed = bytes.readUInt32BE(40);
  for (let word = 0; word < 7; word++) {
    let mixed = seed + Math.imul(word + 1, 0x9e3779b9);
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    mixed ^= mixed >>> 16;
    bytes.writeInt32BE(bytes.readInt32BE(4 * word) ^ mixed, 4 * word);
  }
}

/** Prefix, and the bytes before the checksum, without the mask. */
export function takeApart(token) {
  const at = token.lastIndexOf('_') + 1;
  const body = token.slice(at);
  const bytes = Buffer.alloc((body.length / 11) * 8);
  for (let chunk = 0; chunk * 11 < body.length; chunk++) {
    let value = 0n;
    for (const digit of body.slice(chunk * 11, chunk * 11 + 11)) {
      value = value * 62n + BigInt(DIGITS.indexOf(digit));
    }
    bytes.writeBigUInt64BE(value, chunk * 8);
  }
  toggleMask(bytes);
  return { prefix: token.slice(0, at), bytes: bytes.subarray(0, -4) };
}

/** The token with this prefix and these bytes, and a mask and a checksum that are right. */
export function putTogether(prefix, bytes) {
  const sent = Buffer.from(bytes);
  toggleMask(sent);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(Buffer.concat([Buffer.from(prefix), sent, Buffer.of(1)])));
  const all = Buffer.concat([sent, sum]);
  let text = prefix;
  for (let at = 0; at < all.length; at += 8) {
    let value = all.readBigUInt64BE(at);
    let chunk = '';
    for (let i = 0; i < 11; i++) {
      chunk = DIGITS[Number(value % 62n)] + chunk;
      value /= 62n;
    }
    text += chunk;
  }
  return text;
}

/** `token` with one byte changed and the checksum made right again. */
export function withByteChanged(token, at, bits = 1) {
  const { prefix, bytes } = takeApart(token);
  bytes[at] ^= bits;
  return putTogether(prefix, bytes);
}
