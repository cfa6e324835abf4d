// Keeps the keys of Medusa's own module working for a limited time: `fallback: { until }`.
//
// An old text is accepted as long as its row in the shop's table is valid and the key that replaces
// it is. It resolves to the record of the replacing key, so that its sales channels and its creator
// are those that the dashboard shows and changes. An old key that has no replacement yet resolves
// to its own row.

import { compare, meets } from './filter.js';
import { resolved } from './database.js';
import { invalid, notAllowed } from './error.js';
import { isValid, select, toMedusa } from './row.js';
import { OldTables, redact } from './old-tables.js';
import { Hashes } from './scrypt.js';
import { IssuerError } from '../issuer/error.js';
import { own } from '../shared/property.js';

const LONGEST_TEXT = 512;
const OF_MEDUSA = /^[sp]k_[0-9a-f]{64}$/;
const FLUSH_MS = 2_000;
const CONNECTION = '__pg_connection__';

// `undefined` without the option; then the old table is never read. `fetch(id)` resolves to a
// record from the issuer.
export function fallbackOf({ options, container, fetch, inScope, logger }) {
  if (options.fallback === undefined) return undefined;
  const connection = resolved(container, CONNECTION);
  if (connection === undefined) {
    throw new TypeError("portcullis/medusa: `fallback` needs Medusa's shared database connection, which this application does not have");
  }
  const tables = new OldTables(async (sql, values) => (await connection.raw(sql, values)).rows);
  const { freshFor, recordsFor, deadline } = options;
  return new Fallback({ ...options.fallback, tables, fetch, inScope, freshFor, recordsFor, deadline, logger });
}

// Whether the text has the form of a key that only Medusa's own module makes.
export const isOfMedusa = (text) => OF_MEDUSA.test(text);

export class Fallback {
  #until;
  #tables;
  #fetch;
  #inScope;
  #freshFor;
  #recordsFor;
  #deadline;
  #logger;
  #now;
  #hashes;
  #records = new Map();
  #fetching = new Map();
  #uses = new Map();
  #timer;
  #flushing;

  constructor({ until, tables, fetch, inScope, freshFor, recordsFor, deadline, logger, now = Date.now, hashes = new Hashes() }) {
    this.#until = until;
    this.#tables = tables;
    this.#fetch = fetch;
    this.#inScope = inScope;
    this.#freshFor = freshFor;
    this.#recordsFor = recordsFor;
    this.#deadline = deadline;
    this.#logger = logger;
    this.#now = now;
    this.#hashes = hashes;
  }

  // The row that an old secret text resolves to, or null if the text is refused.
  async secret(text) {
    if (typeof text !== 'string' || text === '' || text.length > LONGEST_TEXT || this.#isOver()) return null;
    for (const row of await this.#tables.secrets(redact(text), new Date(this.#now()))) {
      const matches = await this.#hashes.matches(text, row);
      if (matches === undefined) this.#logger?.warn?.('API keys: an old secret key was refused, since too many wait to be hashed');
      if (!matches) continue;
      const found = await this.#resolved(row);
      if (found !== null) this.#used(row.id);
      return found;
    }
    return null;
  }

  // The result of a lookup by an old text or by old ids, `{ rows, count }`; undefined if the lookup
  // names nothing old. `ask(filters, config)` does the same lookup among the issuer's keys.
  async listed(filters, config, ask) {
    const [text, ...others] = named(filters.token) ?? [];
    if (typeof text === 'string' && others.length === 0) return this.#byText(text, filters, config, ask);
    const ids = named(filters.id)?.filter((id) => typeof id === 'string') ?? [];
    if (ids.length === 0) return undefined;
    const found = await ask(filters, config);
    const known = new Set(found.rows.map(({ id }) => id));
    const old = await this.rows(ids.filter((id) => !known.has(id)), config);
    const matching = old.filter((row) => meets(row, filters));
    return matching.length === 0 ? found : this.#together(matching, filters, config, ask);
  }

  // The old rows with these ids, in Medusa's form.
  async rows(ids, { withDeleted = false } = {}) {
    if (ids.length === 0) return [];
    const rows = (await this.#tables.byIds(ids)).map((row) => this.#shown(row));
    return rows.filter(({ deleted_at }) => withDeleted || deleted_at === null);
  }

  // Splits `given`, an id or a selector by ids only, into the rows of old keys and the other ids.
  async split(given) {
    const { id, ...rest } = own(typeof given === 'string' ? { id: given } : given);
    const isOfIds = Object.values(rest).every((value) => value === undefined);
    const ids = isOfIds ? (named(id) ?? []).filter((one) => typeof one === 'string') : [];
    const old = await this.rows(ids);
    return { old, others: ids.filter((one) => !old.some((row) => row.id === one)) };
  }

  // Revokes old keys only. The keys that replace them stay valid.
  async revoke(rows, { revoked_by, revoke_in }) {
    if (!revoked_by) throw invalid('You must provide a revoked_by field when revoking a key.');
    const now = this.#now();
    const over = rows.filter((row) => this.#isRevoked(row));
    if (over.length > 0) throw invalid(`There are ${over.length} ${over[0].type} keys that are already revoked.`);
    const at = new Date(now + (revoke_in > 0 ? Math.floor(revoke_in) * 1_000 : 0));
    if (Number.isNaN(at.getTime())) throw invalid('revoke_in is a number of seconds');
    const ids = rows.map(({ id }) => id);
    const changed = await this.#tables.revoke(ids, { at, by: revoked_by });
    if (changed.length < ids.length) {
      throw notAllowed('the key is already to be revoked at an earlier moment, and a revocation never moves later');
    }
    return this.rows(ids);
  }

  // Deletes revoked old keys from the table.
  async remove(rows) {
    const kept = rows.filter((row) => !this.#isRevoked(row));
    if (kept.length > 0) {
      throw notAllowed(`Cannot delete api keys that are not revoked - ${kept.map(({ id }) => id).join(', ')}`);
    }
    await this.#tables.remove(rows.map(({ id }) => id));
  }

  // Called after keys of the issuer were changed. The old keys that they replace end with them, in
  // every process: processes that still run Medusa's module read the same rows.
  async changed(records, { gone = false } = {}) {
    for (const { id } of records) this.#records.delete(id);
    const ends = gone ? records.map(({ id, revoked_at }) => ({ id, revoked_at: revoked_at ?? new Date(this.#now()), revoked_by: 'deleted' })) : records;
    for (const { id, revoked_at, revoked_by } of ends) {
      if (revoked_at === null) continue;
      try {
        await this.#tables.end([id], { at: new Date(revoked_at), by: revoked_by ?? 'medusa' });
      } catch (error) {
        this.#logger?.error?.(`API keys: ${id} is revoked at the issuer, and the shop's table api_key could not be brought up to date: ${error.message}`);
      }
    }
  }

  // Writes the uses counted so far to the database.
  async flush() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#flushing;
    const uses = [...this.#uses].map(([id, use]) => ({ id, ...use }));
    this.#uses = new Map();
    this.#flushing = this.#tables.count(uses).catch((error) => {
      for (const { id, ...use } of uses) this.#add(id, use);
      this.#logger?.warn?.(`API keys: uses of old keys could not be counted yet: ${error.message}`);
    });
    await this.#flushing;
  }

  #isOver() {
    return this.#now() >= this.#until;
  }

  // A row that was selected without `revoked_at` counts as not revoked.
  #isRevoked({ revoked_at }) {
    return revoked_at !== undefined && revoked_at !== null && revoked_at.getTime() <= this.#now();
  }

  async #byText(text, filters, config, ask) {
    if (text === '' || text.length > LONGEST_TEXT || this.#isOver()) return undefined;
    const found = isOfMedusa(text) ? undefined : await ask(filters, config);
    if (found?.rows.length > 0) return found;
    const row = await this.#tables.publishable(text);
    if (row === undefined) return found;
    const isLive = !this.#isRevoked(row);
    if (isLive && row.new_token) {
      const { rows, count } = await ask({ ...filters, token: row.new_token }, config);
      if (rows.some((one) => !this.#isRevoked(one))) this.#used(row.id);
      return { rows: rows.map((one) => (Object.hasOwn(one, 'token') ? { ...one, token: text } : one)), count };
    }
    const shown = this.#shown(row);
    if (!meets(shown, filters)) return { rows: [], count: 0 };
    if (isLive) this.#used(row.id);
    return { rows: [select(shown, config.select)], count: 1 };
  }

  async #together(old, filters, config, ask) {
    const { skip, take, order, select: names } = config;
    const found = await ask(filters, { ...config, skip: undefined, take: undefined, select: undefined });
    const all = [...found.rows, ...old].sort(sorter(order));
    const from = Number.isSafeInteger(skip) ? skip : 0;
    const page = all.slice(from, Number.isSafeInteger(take) ? from + take : undefined);
    return { rows: page.map((row) => select(row, names)), count: all.length };
  }

  async #resolved(row) {
    if (!row.new_id) return { ...this.#shown(row), token: '' };
    const record = await this.#record(row.new_id);
    return record && isValid(record, this.#now()) && this.#inScope(record) ? toMedusa(record, '') : null;
  }

  // The record, at most `freshFor` old, or at most `recordsFor` while the issuer is away. Null past
  // that, and if the issuer has none.
  async #record(id) {
    const held = this.#records.get(id);
    const age = held === undefined ? Infinity : this.#now() - held.at;
    if (age <= this.#freshFor) return held.record;
    const fetching = this.#fetching.get(id) ?? this.#ask(id).finally(() => this.#fetching.delete(id));
    this.#fetching.set(id, fetching);
    const found = await (age <= this.#recordsFor ? Promise.race([fetching, pause(this.#deadline)]) : fetching);
    return found === undefined && age <= this.#recordsFor ? held.record : (found ?? null);
  }

  // Undefined if the issuer can't be reached.
  async #ask(id) {
    const at = this.#now();
    try {
      const record = await this.#fetch(id);
      this.#records.set(id, { record, at });
      return record;
    } catch (error) {
      if (!(error instanceof IssuerError)) throw error;
      if (error.code !== 'not_found') return undefined;
      this.#records.delete(id);
      return null;
    }
  }

  #shown(row) {
    const { salt: _, new_id: __, new_token: ___, ...shown } = row;
    const ends = new Date(this.#until);
    const isOver = this.#isOver() && (shown.revoked_at === null || shown.revoked_at > ends);
    return { ...shown, ...(isOver ? { revoked_at: ends } : {}), token: row.type === 'publishable' ? row.token : '' };
  }

  #used(id) {
    const now = new Date(this.#now());
    this.#add(id, { uses: 1, first: now, last: now });
    this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS).unref();
  }

  #add(id, { uses, first, last }) {
    const held = this.#uses.get(id);
    if (held === undefined) this.#uses.set(id, { uses, first, last });
    else this.#uses.set(id, { uses: held.uses + uses, first: held.first < first ? held.first : first, last: held.last > last ? held.last : last });
  }
}

const pause = (millis) => new Promise((resolve) => setTimeout(resolve, millis).unref());

// The values that a condition lists.
function named(condition) {
  if (condition === undefined || condition === null) return undefined;
  if (Array.isArray(condition)) return condition;
  if (typeof condition !== 'object') return [condition];
  const { $in, $eq, ...others } = own(condition);
  if (Object.keys(others).length > 0) return undefined;
  return $in === undefined ? [$eq] : Array.isArray($in) ? $in : undefined;
}

function sorter(order) {
  const rules = Object.entries(order ?? { created_at: 'ASC' });
  return (one, other) => {
    for (const [name, direction] of rules) {
      const apart = compare(one[name], other[name]) || 0;
      if (apart !== 0) return /^(desc|-1)$/i.test(String(direction)) ? -apart : apart;
    }
    return 0;
  };
}
