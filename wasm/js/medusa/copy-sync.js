// Fills the copy with the issuer's keys: after the module has first listed keys, and then at
// intervals. One process of the shop does it for all.

import { isAway } from './issuer-away.js';

const PAGE = 200;
// Per kind. While the issuer is away, keys beyond this number are verified only by the list and
// their own text.
const KEYS_AT_MOST = 20_000;
// The lower bound of the interval, even if `recordsFor` is shorter.
const LEAST_PAUSE_MS = 10_000;

export class CopySync {
  #connection;
  #copy;
  #scope;
  #every;
  #logger;
  #syncing;
  #timer;
  #isStopped = false;

  // `scope` is the filter for the issuer's keys.
  constructor({ connection, copy, scope, every, logger }) {
    this.#connection = connection;
    this.#copy = copy;
    this.#scope = scope;
    this.#every = every;
    this.#logger = logger;
  }

  // Starts syncing at intervals.
  start() {
    if (this.#timer !== undefined || this.#isStopped) return;
    const tick = async () => {
      await this.sync();
      if (!this.#isStopped) this.#timer = setTimeout(tick, Math.max(this.#every, LEAST_PAUSE_MS)).unref();
    };
    this.#timer = setTimeout(tick, 0).unref();
  }

  stop() {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  // Syncs once, unless a listing was completed less than `pause` milliseconds ago.
  sync(pause = this.#every / 2) {
    this.#syncing ??= this.#sync(pause)
      .catch((error) => {
        // IssuerConnection has already reported that the issuer is away.
        if (!isAway(error)) this.#logger?.warn?.(`API keys: the copy in the shop's database can't be brought up to date: ${error.message}`);
      })
      .finally(() => {
        this.#syncing = undefined;
      });
    return this.#syncing;
  }

  async #sync(pause) {
    const begun = await this.#copy.beginListing(pause);
    if (begun === undefined) return;
    let isWhole = true;
    // Publishable keys first: the storefronts don't start without them.
    for (const kind of ['publishable', 'secret']) {
      let seen = 0;
      const pages = await this.#connection.ask(async (issuer) => issuer.keys.list({ ...this.#scope, kind, order: '-created', limit: PAGE }).pages());
      for (;;) {
        const { value, done } = await this.#connection.ask(() => pages.next());
        if (done || this.#isStopped) break;
        await this.#copy.put(value.items.toReversed());
        seen += value.items.length;
        if (seen >= KEYS_AT_MOST && value.next !== null) {
          isWhole = false;
          break;
        }
      }
    }
    if (!this.#isStopped) await this.#copy.endListing(begun, isWhole);
  }
}
