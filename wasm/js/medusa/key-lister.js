// Lists keys from the copy, with the same filters and orders as from the issuer.

import { isAway } from './issuer-away.js';
import { unexpected } from './error.js';
import { IssuerLister, listRecords } from './issuer-lister.js';

export class KeyLister {
  #connection;
  #copy;
  #scope;
  #verifier;
  #url;
  #onListed;

  // `listed` is called after keys were listed at the issuer.
  constructor({ connection, copy, verifier, scope, url, onListed }) {
    this.#connection = connection;
    this.#copy = copy;
    this.#verifier = verifier;
    this.#scope = scope;
    this.#url = url;
    this.#onListed = onListed;
  }

  // Lists from the issuer; while it is away, from the copy, as of its last listing of the issuer's
  // keys.
  async list(filters, config, counted) {
    try {
      const found = await this.#connection.read((issuer) => new IssuerLister(issuer, this.#scope).list(filters, config, counted));
      this.#onListed();
      return found;
    } catch (error) {
      if (!isAway(error) || !(await this.#copy.exists())) throw error;
      const stored = await this.#copy.listing();
      if (stored === undefined) throw this.#nothingStored(error);
      const found = listRecords(stored.records, filters, config, counted);
      if (namesToken(filters)) await this.#checkAgain(found, error);
      return found;
    }
  }

  // Always from the issuer. Keys that are about to be changed are selected by the issuer.
  fromIssuer(filters, config) {
    return this.#connection.change((issuer) => new IssuerLister(issuer, this.#scope).list(filters, config));
  }

  // Whether the issuer can be reached, and how old the data is that is used without it.
  async status() {
    const [listed, list] = await Promise.all([this.#copy.lastListing(), this.#verifier.list()]);
    return {
      reached: this.#connection.awaySince === undefined,
      awaySince: this.#connection.awaySince ?? null,
      keysAsOf: listed?.at ?? null,
      keysAreAll: listed?.isWhole ?? null,
      listUntil: list?.nextUpdate == null ? null : new Date(list.nextUpdate),
    };
  }

  // A lookup by text asks whether the key is valid, and the copy may not know that it ended: the
  // list decides.
  async #checkAgain(found, cause) {
    for (const [at, record] of found.records.entries()) {
      if (record.kind !== 'publishable') continue;
      const checked = await this.#verifier.withRevocation(record);
      if (checked === undefined) throw unexpected("the issuer can't be reached, and without it the key can't be verified any more; try again", cause);
      found.records[at] = checked;
    }
  }

  #nothingStored(cause) {
    return unexpected(
      `the issuer at ${this.#url} can't be reached, and this shop has not seen its keys yet: start the issuer, or correct ` +
        'the module\'s option `url`, and start the shop again; later starts need no issuer',
      cause,
    );
  }
}

function namesToken(filters) {
  if (Array.isArray(filters)) return filters.some(namesToken);
  if (typeof filters !== 'object' || filters === null) return false;
  return Object.entries(filters).some(([name, condition]) => name === 'token' || (['$and', '$or', '$not'].includes(name) && namesToken(condition)));
}
