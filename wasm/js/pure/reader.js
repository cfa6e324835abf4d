// Reads big-endian numbers and slices from the front of a byte array.

// Thrown if the bytes are not in the one canonical form of their kind of file. `row` is the offset
// from the first of the five sentences that generated/reasons.js has for such a file.
export class Unreadable extends Error {
  constructor(row, number, word) {
    super('unreadable');
    Object.assign(this, { row, number, word });
  }
}

export const truncated = () => new Unreadable(0, 0, '');
export const notCanonical = (field) => new Unreadable(4, 0, field);

// The bytes announce something that this version of the format doesn't have. In a list this has a
// sentence of its own, so no offset.
export const TOO_NEW = 'too new';
export const tooNew = (field) => new Unreadable(TOO_NEW, 0, field);

export function checkField(condition, field) {
  if (!condition) throw notCanonical(field);
}

export class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
  }

  get left() {
    return this.bytes.length - this.at;
  }

  #pass(length) {
    if (length > this.left) throw truncated();
    const { at } = this;
    this.at += length;
    return at;
  }

  take(length) {
    const at = this.#pass(length);
    return this.bytes.subarray(at, at + length);
  }

  u8() {
    return this.view.getUint8(this.#pass(1));
  }

  u16() {
    return this.view.getUint16(this.#pass(2));
  }

  u32() {
    return this.view.getUint32(this.#pass(4));
  }

  u48() {
    return this.u16() * 2 ** 32 + this.u32();
  }

  u64() {
    return this.view.getBigUint64(this.#pass(8));
  }

  // A count of items of `bytesEach` bytes or more, checked against the bytes that are left.
  count(bytesEach) {
    return this.fits(this.u32(), bytesEach);
  }

  // A count that was read before: see `count`.
  fits(count, bytesEach) {
    if (count * bytesEach > this.left) throw truncated();
    return count;
  }

  // `letter` is the code of the kind of file, `kind` its name for the message.
  magic(letter, kind) {
    const [p, c, found] = this.take(3);
    if (p !== 0x50 || c !== 0x43 || found !== letter.charCodeAt(0)) throw new Unreadable(2, 0, kind);
    const version = this.u8();
    if (version !== 1) throw new Unreadable(3, version, '');
  }

  end() {
    if (this.left !== 0) throw new Unreadable(1, 0, '');
  }
}

export function sameBytes(a, b) {
  if (a.length !== b.length) return false;
  let differing = 0;
  for (let at = 0; at < a.length; at += 1) differing |= a[at] ^ b[at];
  return differing === 0;
}

// Orders by bytes, then by length.
export function compareBytes(a, b) {
  const shorter = Math.min(a.length, b.length);
  for (let at = 0; at < shorter; at += 1) {
    if (a[at] !== b[at]) return a[at] - b[at];
  }
  return a.length - b.length;
}

export function isZero(bytes) {
  return bytes.every((byte) => byte === 0);
}

export function latin1(bytes) {
  return String.fromCharCode(...bytes);
}

export function ascii(text) {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

// A copy, so that the caller can't change the bytes later. The `slice` of Node's `Buffer` copies
// nothing.
export function copied(bytes) {
  return new Uint8Array(bytes);
}

export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
