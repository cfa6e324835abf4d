// Decodes and encodes tokens, to forge them as well as an attacker without the key can.

import { crc32 } from 'node:zlib';

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Prefix, and the bytes before the checksum. */
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
  return { prefix: token.slice(0, at), bytes: bytes.subarray(0, -4) };
}

/** The token with this prefix and these bytes, and a checksum that is right. */
export function putTogether(prefix, bytes) {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(Buffer.concat([Buffer.from(prefix), bytes])));
  const all = Buffer.concat([bytes, sum]);
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
