// Pages as async iterators. `read(query)` resolves to `{ items, next, count }`; `next` is the query
// of the following page, or null.

import { readAll } from './call-options.js';
import { isPlain } from '../shared/options.js';
import { wrappable } from '../shared/wrappable.js';

export const Pages = wrappable(class Pages {
  #read;
  #query;

  constructor(read, query) {
    if (!isPlain(query)) throw new TypeError('list: the filter is a plain object');
    this.#read = read;
    this.#query = query;
  }

  async *[Symbol.asyncIterator]() {
    for await (const { items } of this.pages()) yield* items;
  }

  async *pages() {
    for (let query = this.#query; query !== null;) {
      const { items, next, count } = await this.#read(query);
      yield { items, next, count };
      query = next;
    }
  }

  // Only the page that the query names.
  async page() {
    return this.#read(this.#query);
  }

  async toArray(options) {
    const { atMost = Infinity } = readAll(options);
    const all = [];
    if (atMost <= 0) return all;
    for await (const item of this) if (all.push(item) >= atMost) break;
    return all;
  }
});
