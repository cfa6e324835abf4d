// The keyring that assertions are checked by, as a Keeper keeps it current: one is held, a newer one
// fetched.

import { readRoot, takeKeyring } from './pure/keyring.js';
import { copied } from './pure/reader.js';
import { fault } from './pure/refusal.js';

// In bytes. One of all the kids there can be has 3.6 million.
const LONGEST = 4 << 20;

export class HeldKeyring {
  #root;
  #source;
  #fetchedAt;
  keyring;

  constructor(root, source) {
    this.#root = fault(() => readRoot(root));
    this.#source = source;
  }

  // Whether it was news.
  offer(document) {
    const taken = fault(() => takeKeyring(this.keyring, this.#root, copied(document)));
    if (taken === undefined) return false;
    [this.keyring, this.#root] = [taken.keyring, taken.root];
    return true;
  }

  isInForce(now) {
    return this.keyring !== undefined && BigInt(Math.floor(now)) < this.keyring.notAfter;
  }

  // A keyring says when it ends and not when it was signed: its age is counted from the last fetch.
  status(now, freshFor) {
    const ageMs = now >= this.#fetchedAt ? now - this.#fetchedAt : Infinity;
    const current = ageMs <= freshFor ? 'fresh' : 'stale';
    return { list: { standing: this.isInForce(now) ? current : 'unknown', ageMs } };
  }

  async run(clock) {
    const document = await this.#source.get('keyring', LONGEST);
    try {
      this.offer(document);
    } catch (error) {
      // Some cache's older copy is no news, and no error either.
      if (error.code !== 'keyring_rollback') throw error;
    }
    this.#fetchedAt = clock();
  }
}
