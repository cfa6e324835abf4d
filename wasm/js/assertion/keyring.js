// The keyring that verifies assertions, with the interface that Refresher needs: it holds one and
// fetches newer ones.

import { readRoot, takeKeyring } from '../pure/keyring.js';
import { copied } from '../pure/reader.js';
import { asPackageError } from '../pure/refusal.js';

// In bytes. A keyring with every possible kid has 3.6 million.
const LONGEST = 4 << 20;

export class AssertionKeyring {
  #root;
  #source;
  #fetchedAt;
  keyring;

  constructor(root, source) {
    this.#root = asPackageError(() => readRoot(root));
    this.#source = source;
  }

  // Returns whether the keyring is newer than the one held.
  offer(document) {
    const taken = asPackageError(() => takeKeyring(this.keyring, this.#root, copied(document)));
    if (taken === undefined) return false;
    [this.keyring, this.#root] = [taken.keyring, taken.root];
    return true;
  }

  isInForce(now) {
    return this.keyring !== undefined && BigInt(Math.floor(now)) < this.keyring.notAfter;
  }

  // A keyring carries its expiry, but not the time of its signature, so its age is counted from the
  // last fetch.
  status(now, freshFor) {
    const ageMs = now >= this.#fetchedAt ? now - this.#fetchedAt : Infinity;
    const current = ageMs <= freshFor ? 'fresh' : 'stale';
    return { list: { freshness: this.isInForce(now) ? current : 'unknown', ageMs } };
  }

  async run(clock) {
    const document = await this.#source.get('keyring', LONGEST);
    try {
      this.offer(document);
    } catch (error) {
      // A cache served an older copy. That is neither news nor an error.
      if (error.code !== 'keyring_rollback') throw error;
    }
    this.#fetchedAt = clock();
  }
}
