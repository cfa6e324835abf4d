// Parses a key (docs/token.md): prefix, base62, checksum, mask, fields.

import { RESERVED } from './documents.js';
import { ascii, Reader } from './reader.js';

const VERSION = 1;
const LATER_VERSIONS = Array.from({ length: 14 }, (_, at) => VERSION + 1 + at);
const LONGEST = 157;
const ADMIN = 3;
const KINDS = { sk: 1, pk: 2, ak: ADMIN };
const PREFIX = /^(?:([a-z][a-z0-9]{0,15})_)?([spa]k)_(live|test)_$/;
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const VALUES = new Map(Array.from(DIGITS, (digit, value) => [digit, value]));
const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit += 1) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0xedb88320 : 0);
  return remainder;
});

// XORs the mask onto the 28 signed bytes, in place. Its seed is in the proof.
function unmask(view) {
  const seed = view.getUint32(40);
  for (let at = 0; at < 28; at += 4) {
    const state = seed + Math.imul(at / 4 + 1, 0x9e3779b9);
    view.setUint32(at, view.getUint32(at) ^ mix(state));
  }
}

// The finalizer of MurmurHash3 for 32 bits.
function mix(word) {
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return word ^ (word >>> 16);
}

// CRC-32/ISO-HDLC over the concatenated parts.
function crc32(...parts) {
  let state = -1;
  for (const part of parts) for (const byte of part) state = CRC[(state ^ byte) & 0xff] ^ (state >>> 8);
  return ~state >>> 0;
}

// Encodes each 8 bytes as 11 digits.
export function base62(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = '';
  for (let at = 0; at < bytes.length; at += 8) {
    let chunk = view.getBigUint64(at);
    let digits = '';
    for (let place = 0; place < 11; place += 1, chunk /= 62n) digits = DIGITS[Number(chunk % 62n)] + digits;
    text += digits;
  }
  return text;
}

// `undefined` if a chunk of digits exceeds 2^64 - 1.
function fromBase62(text) {
  const bytes = new DataView(new ArrayBuffer((text.length / 11) * 8));
  for (let at = 0; at < text.length; at += 11) {
    let [high, low] = [0, 0];
    for (let place = at; place < at + 11; place += 1) {
      low = low * 62 + VALUES.get(text[place]);
      const carry = Math.floor(low / 2 ** 32);
      low -= carry * 2 ** 32;
      high = high * 62 + carry;
    }
    if (high >= 2 ** 32) return undefined;
    bytes.setUint32((at / 11) * 8, high);
    bytes.setUint32((at / 11) * 8 + 4, low);
  }
  return new Uint8Array(bytes.buffer);
}

// Returns the fields, or `{ code }`. Every result has the field `code`.
export function readToken(text) {
  const refused = (code) => ({ code });
  if (text === '') return refused('malformed_empty');
  // Check the length first, so that no character of an overlong text is read.
  if (text.length > LONGEST || utf8Length(text) > LONGEST) return refused('malformed_too_long');
  if (!/^[0-9A-Za-z_]*$/.test(text)) return refused('malformed_character');
  const split = text.lastIndexOf('_') + 1;
  const prefix = text.slice(0, split);
  const coded = text.slice(split);
  const [, label = '', kindWord, environmentWord] = PREFIX.exec(prefix) ?? [];
  if (kindWord === undefined || RESERVED.test(label)) return refused('malformed_prefix');
  if (coded.length !== 132 && (coded.length !== 66 || kindWord === 'ak')) return refused('malformed_length');
  const bytes = fromBase62(coded);
  if (bytes === undefined) return refused('malformed_overflow');
  const end = bytes.length - 4;
  const reader = new Reader(bytes);
  const checksum = reader.view.getUint32(end);
  const isOf = (version) => crc32(ascii(prefix), bytes.subarray(0, end), [version]) === checksum;
  if (!isOf(VERSION)) return refused(LATER_VERSIONS.some(isOf) ? 'malformed_version' : 'malformed_checksum');
  unmask(reader.view);
  const version = reader.u8();
  const kindAndEnvironment = reader.u8();
  const token = {
    code: undefined,
    text,
    prefix,
    label,
    kind: kindAndEnvironment >> 4 === ADMIN ? KINDS.sk : kindAndEnvironment >> 4,
    isAdmin: kindAndEnvironment >> 4 === ADMIN,
    environment: kindAndEnvironment & 15,
    kid: reader.u16(),
    serial: reader.u48(),
    nonce: reader.u16(),
    issuedAt: reader.u32(),
    expiresAt: reader.u32(),
    owner: reader.u32(),
    policy: reader.u32(),
    signed: bytes.subarray(0, 28),
    proof: bytes.subarray(28, end),
  };
  const fits =
    version === VERSION &&
    kindAndEnvironment >> 4 === KINDS[kindWord] &&
    token.environment === (environmentWord === 'live' ? 1 : 2) &&
    (token.expiresAt === 0 || token.expiresAt > token.issuedAt);
  return fits ? token : refused('malformed_fields');
}

// The length in UTF-8, as the wasm module gets it: a lone surrogate counts as U+FFFD.
function utf8Length(text) {
  let length = 0;
  for (const character of text) {
    const code = character.codePointAt(0);
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return length;
}
