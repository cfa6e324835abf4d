// Fills the copy with the issuer's keys: when the module has listed some for the first time, and then again and again. One
// of the shop's processes does it for all.

import { isAway } from './medusa-away.js';

const PAGE = 200;
// Of each kind. What is beyond is judged by the list and its own text alone while the issuer is away.
const AT_MOST = 20_000;
// However short `recordsFor` is.
const LEAST_PAUSE_MS = 10_000;

export class Filler {
  #reach;
  #copy;
  #scope;
  #every;
  #logger;
  #filling;
  #timer;
  #isStopped = false;

  // `scope` is what the issuer is asked for.
  constructor({ reach, copy, scope, every, logger }) {
    this.#reach = reach;
    this.#copy = copy;
    this.#scope = scope;
    this.#every = every;
    this.#logger = logger;
  }

  // From now on.
  start() {
    if (this.#timer !== undefined || this.#isStopped) return;
    const beat = async () => {
      await this.fill();
      if (!this.#isStopped) this.#timer = setTimeout(beat, Math.max(this.#every, LEAST_PAUSE_MS)).unref();
    };
    this.#timer = setTimeout(beat, 0).unref();
  }

  stop() {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  // Once, unless it was done a moment ago.
  fill(pause = this.#every / 2) {
    this.#filling ??= this.#fill(pause)
      .catch((error) => {
        // That the issuer is away has been told.
        if (!isAway(error)) this.#logger?.warn?.(`API keys: the copy in the shop's database can't be brought up to date: ${error.message}`);
      })
      .finally(() => {
        this.#filling = undefined;
      });
    return this.#filling;
  }

  async #fill(pause) {
    const begun = await this.#copy.beginListing(pause);
    if (begun === undefined) return;
    let isWhole = true;
    // The shop's windows first: it does not start without them.
    for (const kind of ['publishable', 'secret']) {
      let seen = 0;
      const pages = await this.#reach.ask(async (issuer) => issuer.keys.list({ ...this.#scope, kind, order: '-created', limit: PAGE }).pages());
      for (;;) {
        const { value, done } = await this.#reach.ask(() => pages.next());
        if (done || this.#isStopped) break;
        await this.#copy.put(value.items.toReversed());
        seen += value.items.length;
        if (seen >= AT_MOST && value.next !== null) {
          isWhole = false;
          break;
        }
      }
    }
    if (!this.#isStopped) await this.#copy.endListing(begun, isWhole);
  }
}
