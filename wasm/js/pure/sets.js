// Parses the bodies of the revocation list (docs/revocation-list.md): the sets of revoked, of
// suspended and of assigned slots, and the slots that are revoked from a given time on. Each set has exactly
// one encoding: Golomb codes of its slots, Golomb codes of the slots outside it, or an arithmetic
// code.

import { checkField, notCanonical, Reader, tooNew } from './reader.js';

const MAX_CAPACITY = 1 << 20;
const ASSIGNED = 2 ** 28;
const FULL = 2n ** 64n - 1n;

// A set of slots, as bits.
class Slots {
  constructor(capacity) {
    this.words = new Uint32Array(Math.ceil(capacity / 32));
  }

  add(slot) {
    this.words[slot >>> 5] |= 1 << (slot & 31);
  }

  has(slot) {
    return ((this.words[slot >>> 5] >>> (slot & 31)) & 1) === 1;
  }

  invert(capacity) {
    for (let at = 0; at < this.words.length; at += 1) this.words[at] = ~this.words[at];
    const over = capacity & 31;
    if (over !== 0) this.words[this.words.length - 1] &= 2 ** over - 1;
  }

  meets(other) {
    return this.words.some((word, at) => (word & other.words[at]) !== 0);
  }
}

// Reads single bits, the least significant bit of each byte first.
class Bits {
  #byte = 0;
  #left = 0;

  constructor(reader) {
    this.reader = reader;
  }

  one() {
    if (this.#left === 0) {
      this.#byte = this.reader.u8();
      this.#left = 8;
    }
    const bit = this.#byte & 1;
    this.#byte >>= 1;
    this.#left -= 1;
    return bit;
  }

  number(width) {
    let number = 0;
    for (let place = 0; place < width; place += 1) number += this.one() * 2 ** place;
    return number;
  }

  padding() {
    checkField(this.#byte === 0, 'padding');
  }
}

// The Golomb parameter for `coded` slots of `capacity`. `coded` is at least 1.
function modulus(capacity, coded) {
  const quotient = (2977044472n * BigInt(capacity)) / BigInt(coded);
  const difference = quotient > 3636005884n ? quotient - 3636005884n : 0n;
  const rounded = Number((difference + 2n ** 32n - 1n) >> 32n);
  return Math.max(1, rounded);
}

function readGaps(reader, capacity, coded, slots) {
  if (coded === 0) return;
  const m = modulus(capacity, coded);
  // Truncated binary: a remainder below `short` takes one bit less.
  const width = m === 1 ? 0 : 32 - Math.clz32(m - 1);
  const short = 2 ** width - m;
  const bits = new Bits(reader);
  let following = 0;
  for (let count = 0; count < coded; count += 1) {
    while (bits.one() === 0) {
      following += m;
      checkField(following < capacity, 'gap');
    }
    let remainder = 0;
    if (m !== 1) {
      remainder = bits.number(width - 1);
      if (remainder >= short) remainder = 2 * remainder + bits.one() - short;
    }
    const slot = following + remainder;
    checkField(slot < capacity, 'gap');
    slots.add(slot);
    following = slot + 1;
  }
  bits.padding();
}

function readDense(reader, capacity, count, slots) {
  let above = reader.u64();
  let span = FULL;
  let members = count;
  // Otherwise `above` could exceed 64 bits, and a reader whose arithmetic wraps would accept a
  // second encoding.
  checkField(above < span, 'dense set');
  for (let slot = 0; slot < capacity; slot += 1) {
    const left = capacity - slot;
    const split = (span / BigInt(left)) * BigInt(members);
    if (above < split) {
      slots.add(slot);
      span = split;
      members -= 1;
    } else {
      checkField(members !== left, 'dense set');
      above -= split;
      span -= split;
    }
    while (span < 2n ** 56n) {
      above = above * 256n + BigInt(reader.u8());
      span *= 256n;
    }
  }
  checkField(above === 0n, 'dense set');
}

function readSet(reader, capacity) {
  const count = reader.u32();
  checkField(count <= capacity, 'count');
  const slots = new Slots(capacity);
  if (4 * count <= capacity) {
    readGaps(reader, capacity, count, slots);
  } else if (4 * (capacity - count) <= capacity) {
    readGaps(reader, capacity, capacity - count, slots);
    slots.invert(capacity);
  } else {
    readDense(reader, capacity, count, slots);
  }
  return slots;
}

// Returns `{ state(slot, now), isAssigned(slot) }`. The time is in milliseconds.
export function readBody(file) {
  const reader = new Reader(file);
  reader.magic('B', 'list body');
  const word = reader.u32();
  // Each of the highest bits announces a set, of which this version knows the lowest.
  if (word >= 2 ** 29) throw tooNew('further sets');
  const capacity = word % ASSIGNED;
  checkField(capacity >= 1 && capacity <= MAX_CAPACITY, 'capacity');
  const revoked = readSet(reader, capacity);
  const suspended = readSet(reader, capacity);
  const assigned = word < ASSIGNED ? undefined : readSet(reader, capacity);
  checkField(assigned === undefined || assigned.words.some((bits) => bits !== 0), 'assigned');
  const timed = new Map();
  let least = 0;
  for (let count = reader.count(8); count > 0; count -= 1) {
    const [slot, from] = [reader.u32(), reader.u32()];
    checkField(slot >= least && slot < capacity, 'timed');
    timed.set(slot, from);
    least = slot + 1;
  }
  reader.end();
  if (revoked.meets(suspended) || [...timed.keys()].some((slot) => revoked.has(slot))) {
    throw notCanonical('suspended');
  }
  return {
    state(slot, now) {
      if (slot >= capacity) return 'not_covered';
      if (revoked.has(slot)) return 'revoked';
      const from = timed.get(slot);
      if (from !== undefined && now >= from * 1000) return 'revoked';
      return suspended.has(slot) ? 'suspended' : 'good';
    },
    isAssigned: (slot) => assigned !== undefined && slot < capacity && assigned.has(slot),
  };
}
