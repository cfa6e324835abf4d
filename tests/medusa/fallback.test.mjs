// Old keys that keep working for a limited time, with a passed-in clock and tables in memory.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Fallback } from './node_modules/portcullis/js/medusa/fallback.js';
import { IssuerError } from './node_modules/portcullis/js/issuer/error.js';

const UNTIL = Date.UTC(2027, 0, 31);
const TEXT = `sk_${'ab'.repeat(32)}`;
const PUBLIC = `pk_${'ab'.repeat(32)}`;

/** A fallback over one old key, whose clock stands at `clock.now`. */
function fallback(more = {}) {
  const clock = { now: UNTIL - 86_400_000 };
  const row = { id: 'apk_old', token: 'hash', salt: 'salt', redacted: 'sk_aba***bab', title: 'ERP', type: 'secret', created_by: 'u', revoked_at: null, revoked_by: null, deleted_at: null, new_id: 'apk_new', new_token: null, ...more.row };
  const record = { id: 'apk_new', kind: row.type, title: 'ERP', redacted: '', state: 'active', revoked_at: null, revoked_by: null, expires_at: null, issued_at: new Date(0).toISOString(), updated_at: new Date(0).toISOString(), created_by: 'u', environment: 'live' };
  const seen = { reads: 0, fetched: 0, counted: [], warnings: [] };
  const tables = {
    secrets: async () => ((seen.reads += 1), [row]),
    publishable: async () => ((seen.reads += 1), row),
    byIds: async () => [row],
    count: async (uses) => {
      if (more.fails?.()) throw new Error('the database is away');
      seen.counted.push(...uses);
    },
  };
  const fetch = async () => {
    seen.fetched += 1;
    return more.fetch ? more.fetch(record) : record;
  };
  const logger = { warn: (text) => seen.warnings.push(text) };
  const made = new Fallback({ until: UNTIL, tables, fetch, inScope: more.inScope ?? (() => true), freshFor: 5_000, recordsFor: 60_000, deadline: 1_000, logger, now: () => clock.now, hashes: { matches: more.matches ?? (async () => true) } });
  return { made, clock, seen, row };
}

const none = async () => ({ rows: [], count: 0 });

test('to the millisecond, an old key works before the end and is refused from then on, without a read', async () => {
  const { made, clock, seen } = fallback();
  clock.now = UNTIL - 1;
  assert.equal((await made.secret(TEXT)).id, 'apk_new');
  clock.now = UNTIL;
  assert.equal(await made.secret(TEXT), null);
  assert.equal(seen.reads, 1);
  await made.flush();

  const open = fallback({ row: { type: 'publishable', token: PUBLIC, new_id: null } });
  open.clock.now = UNTIL - 1;
  assert.deepEqual((await open.made.listed({ token: PUBLIC }, { select: ['id'] }, none)).rows, [{ id: 'apk_old' }]);
  open.clock.now = UNTIL;
  assert.equal(await open.made.listed({ token: PUBLIC }, {}, none), undefined);
  // By its id it is found as long as there are links to it, and is refused since then.
  const [row] = (await open.made.listed({ id: ['apk_old'] }, {}, none)).rows;
  assert.deepEqual([row.id, row.revoked_at], ['apk_old', new Date(UNTIL)]);
  await open.made.flush();
});

test('texts that are too long or none are not looked for', async () => {
  const { made, seen } = fallback();
  for (const text of ['', undefined, null, 7, {}, 'x'.repeat(513)]) assert.equal(await made.secret(text), null);
  assert.equal(seen.reads, 0);
});

test('the replacing key decides: its record is asked for as often as it must be', async () => {
  let changed = {};
  const { made, clock, seen } = fallback({ fetch: (record) => ({ ...record, ...changed }) });
  await made.secret(TEXT);
  changed = { state: 'revoked', revoked_at: new Date(0).toISOString() };
  clock.now += 5_000;
  assert.notEqual(await made.secret(TEXT), null);
  assert.equal(seen.fetched, 1);
  clock.now += 1;
  assert.equal(await made.secret(TEXT), null);
  assert.equal(seen.fetched, 2);
  await made.flush();
  assert.deepEqual(seen.counted.map(({ id, uses }) => [id, uses]), [['apk_old', 2]], 'what is refused is no use');
  const stranger = fallback({ inScope: () => false });
  assert.equal(await stranger.made.secret(TEXT), null);
});

test('an issuer that is away is waited for no longer than the record is kept', async () => {
  let answer = (record) => record;
  const { made, clock } = fallback({ fetch: (record) => answer(record) });
  await made.secret(TEXT);
  answer = () => {
    throw new IssuerError('unreachable', 'away');
  };
  clock.now += 60_000;
  assert.notEqual(await made.secret(TEXT), null);
  clock.now += 1;
  assert.equal(await made.secret(TEXT), null);
  await made.flush();
});

test('uses that could not be written are written later, and added up', async () => {
  let fails = true;
  const { made, clock, seen } = fallback({ fails: () => fails });
  const first = clock.now;
  await made.secret(TEXT);
  await made.flush();
  assert.equal(seen.warnings.length, 1);
  clock.now += 10;
  await made.secret(TEXT);
  fails = false;
  await made.flush();
  assert.deepEqual(seen.counted, [{ id: 'apk_old', uses: 2, first: new Date(first), last: new Date(first + 10) }]);
});

test('a text that there was no time to verify is refused, and said so', async () => {
  const { made, seen } = fallback({ matches: async () => undefined });
  assert.equal(await made.secret(TEXT), null);
  assert.match(seen.warnings[0], /too many wait/);
  assert.ok(!seen.warnings[0].includes(TEXT));
});
