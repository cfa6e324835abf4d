// A copy of the issuer's data in the shop's own database, so that a shop can start and serve while
// the issuer is away: the records of keys, and keyring and list (medusa/list-store.js). Several
// processes write to it concurrently; the newest data wins.
//
// A copy can refuse and describe keys, but admit none: only the signed list does. If the database
// or its tables are missing, the module works without them, so nothing here throws.

import { ownConnection, sharedConnection } from './database.js';

const PROBE_AGAIN_MS = 10_000;
// The longest wait for a database that can't be reached.
const LONGEST_MS = 3_000;
// No list is in force for longer than a day, so after this time every list in force reflects a
// deletion.
const GONE_FOR = "interval '3 days'";
// Transactions may commit in another order than their clock readings, so read a little further
// back.
const OVERLAP = "interval '60 seconds'";
// How long a create can be repeated under its idempotency key; less than the issuer's own window.
const UNANSWERED_FOR = "interval '10 minutes'";

// The fields that rows and verification need. Everything else stays with the issuer, above all
// metadata.
const KEPT = [
  'id', 'title', 'purpose', 'kind', 'environment', 'state', 'redacted', 'owner', 'issued_at', 'updated_at', 'expires_at',
  'suspended_at', 'suspended_by', 'revoked_at', 'revoked_by', 'created_by', 'maker', 'last_used_at',
];

// Whether an incoming record replaces the stored one. It never replaces a deletion; of two records
// of the same instant, the revoked one wins.
const NEWER = `kept.gone_at IS NULL AND (kept.updated_at IS NULL OR excluded.updated_at > kept.updated_at
  OR (excluded.updated_at = kept.updated_at
    AND (kept.record->>'revoked_at' IS NULL OR excluded.record->>'revoked_at' IS NOT NULL)))`;
// Rows are locked in the order of their ids, so that two concurrent writers can't deadlock.
const PUT = `WITH given AS MATERIALIZED (
    SELECT one, nextval('portcullis_api_key_place_seq') AS place FROM jsonb_array_elements(?::jsonb) WITH ORDINALITY AS row (one, at) ORDER BY at
  )
  INSERT INTO portcullis_api_key AS kept (scope, id, place, record, updated_at)
  SELECT ?, one->>'id', place, one, (one->>'updated_at')::timestamptz FROM given ORDER BY 2
  ON CONFLICT (scope, id) DO UPDATE SET
    record = CASE WHEN ${NEWER} THEN excluded.record ELSE kept.record END,
    updated_at = CASE WHEN ${NEWER} THEN excluded.updated_at ELSE kept.updated_at END,
    changed_at = CASE WHEN ${NEWER} AND excluded.record IS DISTINCT FROM kept.record
      THEN clock_timestamp() ELSE kept.changed_at END,
    seen_at = clock_timestamp()`;
const GONE = `INSERT INTO portcullis_api_key AS kept (scope, id, gone_at)
  SELECT ?, one, ?::timestamptz FROM jsonb_array_elements_text(?::jsonb) AS one ORDER BY 2
  ON CONFLICT (scope, id) DO UPDATE SET
    gone_at = COALESCE(kept.gone_at, excluded.gone_at), changed_at = clock_timestamp()`;

export class Copy {
  #container;
  #options;
  #scope;
  #logger;
  #knex;
  #own;
  #there;
  #probeAgainAt = 0;
  #failing = false;
  #isClosed = false;
  #since;

  // `options` as Medusa passes them. `scope` names the issuer and the part of its keys that belongs
  // to the shop.
  constructor({ container, options, scope, logger }) {
    this.#container = container;
    this.#options = options;
    this.#scope = scope;
    this.#logger = logger;
  }

  // Whether the tables of the copy exist.
  async exists() {
    if (this.#isClosed) return false;
    if (this.#there === true) return true;
    if (this.#there instanceof Promise) return this.#there;
    if (Date.now() < this.#probeAgainAt) return false;
    this.#there = this.#probe();
    const there = await this.#there;
    this.#there = there;
    if (!there) this.#probeAgainAt = Date.now() + PROBE_AGAIN_MS;
    return there;
  }

  // Stores `records` unless the stored ones are newer. Records of the same second keep the order in
  // which they are passed.
  async put(records) {
    const all = new Map(records.map((record) => [record.id, storedFields(record)]));
    if (all.size === 0) return;
    await this.#query(PUT, [JSON.stringify([...all.values()]), this.#scope]);
  }

  // Stores that keys were deleted.
  async putDeleted(ids, at = Date.now()) {
    if (ids.length === 0) return;
    await this.#query(GONE, [this.#scope, new Date(at).toISOString(), JSON.stringify([...new Set(ids)])]);
  }

  // The key's record; null if it was deleted, undefined if the copy doesn't know it.
  async record(id) {
    const rows = await this.#query('SELECT record, gone_at FROM portcullis_api_key WHERE scope = ? AND id = ?', [this.#scope, id]);
    if (!(rows?.length > 0)) return undefined;
    return rows[0].gone_at === null ? rows[0].record : null;
  }

  // All records, oldest first, with the time of the listing and whether it was complete. Undefined
  // before the first listing of the issuer's keys.
  async listing() {
    const about = await this.lastListing();
    if (about === undefined) return undefined;
    const rows = await this.#query(
      'SELECT record FROM portcullis_api_key WHERE scope = ? AND gone_at IS NULL AND record IS NOT NULL ORDER BY place',
      [this.#scope],
    );
    if (rows === undefined) return undefined;
    const records = rows.map(({ record }) => record);
    records.sort((one, other) => Date.parse(one.issued_at) - Date.parse(other.issued_at));
    return { ...about, records };
  }

  async lastListing() {
    const rows = await this.#query(
      'SELECT listed_at, is_whole FROM portcullis_copy WHERE scope = ? AND listed_at IS NOT NULL',
      [this.#scope],
    );
    return rows?.length > 0 ? { at: new Date(rows[0].listed_at), isWhole: rows[0].is_whole } : undefined;
  }

  // The start of a listing by the database's clock; undefined if any process has completed a
  // listing that began within the last `pause` milliseconds.
  async beginListing(pause) {
    const rows = await this.#query(
      `SELECT clock_timestamp() AS now FROM (SELECT 1) AS one WHERE NOT EXISTS (
        SELECT FROM portcullis_copy WHERE scope = ? AND listed_at > clock_timestamp() - ? * interval '1 millisecond')`,
      [this.#scope, pause],
    );
    return rows?.[0]?.now;
  }

  // Call it when everything listed since `begun` is stored. If the listing was complete, a key that
  // was not seen in it no longer belongs to the shop, and its record is deleted.
  async endListing(begun, isWhole) {
    await this.#transaction(async (run) => {
      await run.raw(
        `INSERT INTO portcullis_copy AS kept (scope, listed_at, is_whole) VALUES (?, ?, ?)
          ON CONFLICT (scope) DO UPDATE SET listed_at = excluded.listed_at, is_whole = excluded.is_whole
          WHERE kept.listed_at IS NULL OR kept.listed_at < excluded.listed_at`,
        [this.#scope, begun, isWhole],
      );
      if (isWhole) {
        await run.raw('DELETE FROM portcullis_api_key WHERE scope = ? AND gone_at IS NULL AND seen_at < ?', [this.#scope, begun]);
      }
      await run.raw(`DELETE FROM portcullis_api_key WHERE scope = ? AND gone_at < clock_timestamp() - ${GONE_FOR}`, [this.#scope]);
      await run.raw(`DELETE FROM portcullis_unanswered WHERE asked_at < clock_timestamp() - ${UNANSWERED_FOR}`);
    });
  }

  // The changes by any process since the last call: `{ id, record, goneAt }`. The first call
  // returns all keys that ended within the time that a list can be in force.
  async changes() {
    const clock = await this.#query('SELECT clock_timestamp() AS now', []);
    if (clock === undefined) return [];
    const which =
      this.#since === undefined
        ? `changed_at > clock_timestamp() - ${GONE_FOR} AND (gone_at IS NOT NULL OR record->>'state' <> 'active')`
        : `changed_at > ?::timestamptz - ${OVERLAP}`;
    const rows = await this.#query(
      `SELECT id, record, gone_at FROM portcullis_api_key WHERE scope = ? AND ${which}`,
      [this.#scope, ...(this.#since === undefined ? [] : [this.#since])],
    );
    if (rows === undefined) return [];
    this.#since = clock[0].now;
    return rows.map(({ id, record, gone_at: goneAt }) => ({ id, record, goneAt: goneAt && new Date(goneAt) }));
  }

  // The stored keyring and list, for medusa/list-store.js.
  async storedList() {
    const rows = await this.#query(
      `SELECT bundle, stamp, keyring, epoch, number, this_update, next_update, kept_at FROM portcullis_copy
        WHERE scope = ? AND bundle IS NOT NULL`,
      [this.#scope],
    );
    return rows?.[0];
  }

  // Stores a bundle unless a newer one is stored.
  async putList({ bundle, stamp, keyring, epoch, number, thisUpdate, nextUpdate }) {
    await this.#query(
      `INSERT INTO portcullis_copy AS kept (scope, bundle, stamp, keyring, epoch, number, this_update, next_update, kept_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, clock_timestamp())
        ON CONFLICT (scope) DO UPDATE SET bundle = excluded.bundle, stamp = excluded.stamp, keyring = excluded.keyring,
          epoch = excluded.epoch, number = excluded.number, this_update = excluded.this_update,
          next_update = excluded.next_update, kept_at = excluded.kept_at
        WHERE kept.bundle IS NULL OR (excluded.keyring >= kept.keyring
          AND (excluded.epoch, excluded.number, excluded.this_update, excluded.keyring)
            > (kept.epoch, kept.number, kept.this_update, kept.keyring))`,
      [this.#scope, bundle, stamp, keyring, epoch, number, thisUpdate, nextUpdate],
    );
  }

  // Stores a newer stamp of the stored list.
  async putStamp({ stamp, epoch, number, thisUpdate, nextUpdate }) {
    await this.#query(
      `UPDATE portcullis_copy SET stamp = ?, this_update = ?, next_update = ?, kept_at = clock_timestamp()
        WHERE scope = ? AND epoch = ? AND number = ? AND this_update < ?`,
      [stamp, thisUpdate, nextUpdate, this.#scope, epoch, number, thisUpdate],
    );
  }

  // Removes and returns the idempotency key of a create whose answer was lost. Of several
  // concurrent callers, only one gets it.
  async takeUnanswered(request) {
    const rows = await this.#query(
      `DELETE FROM portcullis_unanswered WHERE ctid = (
        SELECT ctid FROM portcullis_unanswered WHERE scope = ? AND request = ? AND asked_at > clock_timestamp() - ${UNANSWERED_FOR}
        ORDER BY asked_at LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING idempotency_key`,
      [this.#scope, request],
    );
    return rows?.[0]?.idempotency_key;
  }

  async putUnanswered(request, idempotencyKey) {
    await this.#query('INSERT INTO portcullis_unanswered (scope, request, idempotency_key) VALUES (?, ?, ?)', [
      this.#scope, request, idempotencyKey,
    ]);
  }

  // Keys were ended, perhaps the one whose answer was lost. From now on, the same request makes a
  // new key.
  async forgetUnanswered() {
    await this.#query('DELETE FROM portcullis_unanswered WHERE scope = ?', [this.#scope]);
  }

  // Ends the use of the copy. A query that is still running may find the connection closed.
  async close() {
    this.#isClosed = true;
    const own = this.#own;
    this.#own = undefined;
    if (own !== undefined) await within(own.destroy()).catch(() => {});
  }

  #database() {
    this.#knex ??= sharedConnection(this.#container, this.#options);
    if (this.#knex !== undefined) return this.#knex;
    this.#own ??= ownConnection(this.#options);
    return this.#own;
  }

  async #probe() {
    try {
      const knex = this.#database();
      if (knex === undefined) return false;
      const { rows } = await within(knex.raw("SELECT to_regclass('portcullis_api_key') IS NOT NULL AS there"));
      if (!rows[0].there) {
        this.#logger?.warn?.(
          'API keys: the tables of portcullis/medusa are missing, so the shop could not start while the issuer is away; run `medusa db:migrate`',
        );
      }
      return rows[0].there;
    } catch (error) {
      this.#failed(error);
      return false;
    }
  }

  // The rows, or undefined if there is no copy or the query failed.
  #query(text, values) {
    return this.#transaction(async (run) => (await run.raw(text, values)).rows, false);
  }

  async #transaction(work, whole = true) {
    if (!(await this.exists())) return undefined;
    try {
      const knex = this.#database();
      const done = await within(whole ? knex.transaction(work) : work(knex));
      this.#failing = false;
      return done;
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  #failed(error) {
    if (error === LATE) {
      this.#there = undefined;
      this.#probeAgainAt = Date.now() + PROBE_AGAIN_MS;
    }
    if (!this.#failing && !this.#isClosed) this.#logger?.warn?.(`API keys: the copy in the shop's database can't be used: ${error.message}`);
    this.#failing = true;
  }
}

// A record reduced to the kept fields. The text of a publishable key is public and is kept.
function storedFields(record) {
  const kept = Object.fromEntries(KEPT.map((name) => [name, record[name] ?? null]));
  if (record.kind === 'publishable' && typeof record.token === 'string') kept.token = record.token;
  return kept;
}

const LATE = new Error(`the database gave no answer within ${LONGEST_MS} ms`);

function within(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(LATE), LONGEST_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
