// A cache of records, so that a key that was seen before is verified without a network call. It
// admits no key: the list decides, and a record can only refuse.

import { IssuerError } from '../issuer/error.js';

const AT_MOST = 10_000;

export class RecordCache {
  #fetch;
  #keepFor;
  #held = new Map();
  #fetching = new Map();

  // `fetch(id)` resolves to the issuer's record.
  constructor(fetch, keepFor) {
    this.#fetch = fetch;
    this.#keepFor = keepFor;
  }

  put(record) {
    this.#held.delete(record.id);
    this.#held.set(record.id, { record, at: Date.now() });
    if (this.#held.size > AT_MOST) this.#held.delete(this.#held.keys().next().value);
    return record;
  }

  forget(id) {
    this.#held.delete(id);
  }

  peek(id) {
    return this.#held.get(id)?.record;
  }

  // The record; null if the issuer has none, undefined if it can't be reached.
  async get(id) {
    const held = this.#held.get(id);
    if (held === undefined) return this.#refetch(id);
    // An older record is returned while a newer one is fetched.
    if (Date.now() - held.at > this.#keepFor) this.#refetch(id).catch(() => {});
    return held.record;
  }

  #refetch(id) {
    const fetching = this.#fetching.get(id) ?? this.#find(id).finally(() => this.#fetching.delete(id));
    this.#fetching.set(id, fetching);
    return fetching;
  }

  async #find(id) {
    try {
      return this.put(await this.#fetch(id));
    } catch (error) {
      if (!(error instanceof IssuerError)) throw error;
      if (error.code !== 'not_found') return undefined;
      this.forget(id);
      return null;
    }
  }
}
