// The hashes that Medusa's own module stores for secret keys, with a limit on how many are computed
// at once.

import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

const HASH_BYTES = 64;
const SALT_BYTES = 16;
// Each hash takes one of Node's four threads, and 16 MiB.
const AT_ONCE = 2;
const WAITING_AT_MOST = 64;
const REMEMBERED = 1_000;

// The salt is hashed as the text in the table, not decoded.
export function hashOf(text, salt) {
  return new Promise((resolve, reject) => {
    scrypt(text, salt, HASH_BYTES, (error, hash) => (error ? reject(error) : resolve(hash)));
  });
}

export async function hashed(text) {
  const salt = randomBytes(SALT_BYTES).toString('hex');
  return { salt, token: (await hashOf(text, salt)).toString('hex') };
}

export class Hashes {
  #running = 0;
  #waiting = [];
  #known = new Map();
  #hash;

  constructor(hash = hashOf) {
    this.#hash = hash;
  }

  // Whether `row` is the key of this text. Results are cached as long as the row has the same hash.
  // Undefined if too many calls are waiting.
  async matches(text, row) {
    const name = createHash('sha256').update(`${row.id} ${row.salt} ${row.token} ${text}`).digest('hex');
    const known = this.#known.get(name) ?? this.#compare(text, row, name);
    this.#known.delete(name);
    this.#known.set(name, known);
    if (this.#known.size > REMEMBERED) this.#known.delete(this.#known.keys().next().value);
    return known;
  }

  async #compare(text, row, name) {
    try {
      if (!(await this.#enter())) {
        this.#known.delete(name);
        return undefined;
      }
      try {
        const expected = Buffer.from(row.token, 'hex');
        const hash = await this.#hash(text, row.salt);
        return expected.length === hash.length && timingSafeEqual(expected, hash);
      } finally {
        this.#leave();
      }
    } catch (error) {
      this.#known.delete(name);
      throw error;
    }
  }

  async #enter() {
    if (this.#running < AT_ONCE) {
      this.#running += 1;
      return true;
    }
    if (this.#waiting.length >= WAITING_AT_MOST) return false;
    await new Promise((resolve) => this.#waiting.push(resolve));
    return true;
  }

  // Hands the slot to the next waiting call.
  #leave() {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }
}
