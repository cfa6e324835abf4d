// The copy of the issuer's records in the shop's database: concurrent writers, and which answers it must
// not give.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { before, test } from 'node:test';

import { atEnd, until } from '../e2e/support/processes.mjs';
import { proxy } from '../../wasm/test/issuer-proxy.mjs';
import { client } from './shop.mjs';
import { database, issuerFor } from './support.mjs';

const require = createRequire(import.meta.url);
const { default: definition, ApiKeyModuleService } = require('portcullis/medusa');
const { createVerifier } = require('portcullis');
const { ListStore } = await import('./node_modules/portcullis/js/medusa/list-store.js');
const { Copy } = await import('./node_modules/portcullis/js/medusa/copy.js');
const { MIGRATIONS } = await import('./node_modules/portcullis/js/medusa/migrations.js');

const OPTIONS = { select: ['id', 'token', 'revoked_at'] };
// Nobody listens there.
const AWAY = 'http://127.0.0.1:64999';
let issuer;
let url;
let sql;
before(async () => {
  issuer = await issuerFor();
  url = await database('copy');
  sql = await client(url);
  const ran = await definition.runMigrations({ options: { database: { clientUrl: url } } });
  assert.equal(ran.length, MIGRATIONS.length);
});

const stops = [];
atEnd(async () => {
  for (const stop of stops) await stop();
});

/** A module as one process of the shop has it, with a connection of its own. */
function shop(options = {}, container = {}) {
  const made = new ApiKeyModuleService(container, { ...issuer.options, database: { clientUrl: url }, ...options });
  stops.push(() => made.__hooks.onApplicationShutdown());
  return made;
}

const secret = (title, more = {}) => ({ title, type: 'secret', created_by: 'usr_1', ...more });
const publishable = (title) => ({ ...secret(title), type: 'publishable' });
const window = async (api, token) => (await api.listApiKeys({ token, type: 'publishable' }, OPTIONS))[0];
const counts = (row) => row !== undefined && (row.revoked_at === null || row.revoked_at > new Date());
const scope = () => `${issuer.root} live all`;
const kept = async () => (await sql('SELECT bundle, stamp, number FROM portcullis_copy WHERE scope = $1 AND bundle IS NOT NULL', [scope()])).rows[0];
const keep = ({ bundle, stamp }) => sql('UPDATE portcullis_copy SET bundle = $1, stamp = $2 WHERE scope = $3', [bundle, stamp, scope()]);

/** A copy with a scope of its own. */
function copy(scope) {
  const made = new Copy({ container: {}, options: { database: { clientUrl: url } }, scope });
  stops.push(() => made.close());
  return made;
}

const at = (second, more = {}) => ({
  id: 'apk_1', title: `at ${second}`, kind: 'secret', state: 'active', revoked_at: null, updated_at: new Date(second * 1000).toISOString(), ...more,
});

test('of two records the newer one is kept, whichever comes last, also when many come at a time', async () => {
  const [one, other] = [copy('newest'), copy('newest')];
  const records = Array.from({ length: 40 }, (_, second) => at(second, { metadata: { secret: 'x' } })).sort(() => Math.random() - 0.5);
  await Promise.all(records.map((record, turn) => (turn % 2 === 0 ? one : other).put([record, at(record.title.length, { id: `apk_${turn}x` })])));
  assert.equal((await one.record('apk_1')).title, 'at 39');
  assert.equal((await one.record('apk_1')).metadata, undefined);
  await one.put([at(39, { revoked_at: new Date(0).toISOString() })]);
  await other.put([at(39)]);
  assert.notEqual((await other.record('apk_1')).revoked_at, null, 'of two of one instant the one that is revoked');
});

test('what was deleted never comes back', async () => {
  const one = copy('gone');
  await one.put([at(1)]);
  await one.putDeleted(['apk_1', 'apk_2']);
  await one.put([at(9), at(9, { id: 'apk_2' })]);
  assert.deepEqual([await one.record('apk_1'), await one.record('apk_2'), await one.record('apk_3')], [null, null, undefined]);
});

test('what is listed is all that there is: what is seen no more goes', async () => {
  const one = copy('listing');
  await one.put([at(1), at(1, { id: 'apk_old' })]);
  assert.equal(await one.listing(), undefined);
  const begun = await one.beginListing(60_000);
  await one.put([at(1)]);
  await one.endListing(begun, true);
  const { records, isWhole } = await one.listing();
  assert.deepEqual([records.map(({ id }) => id), isWhole], [['apk_1'], true]);
  assert.equal(await copy('listing').beginListing(60_000), undefined, 'one process lists for all');
  await one.put([at(1, { id: 'apk_new' })]);
  await one.endListing(await one.beginListing(0), false);
  assert.equal((await one.listing()).records.length, 2, 'what is cut off says nothing of the rest');
});

test('an older list never takes the place of a newer one', async () => {
  const one = copy('trust');
  const trust = (keyring, number, thisUpdate) => ({
    bundle: Buffer.from(`${keyring}.${number}.${thisUpdate}`), stamp: Buffer.from(`${thisUpdate}`), keyring, epoch: 1, number, thisUpdate, nextUpdate: thisUpdate + 9,
  });
  const held = async () => (await one.storedList()).bundle.toString();
  const all = [trust(1, 5, 100), trust(1, 4, 200), trust(1, 5, 99), trust(2, 5, 100), trust(1, 9, 900), trust(2, 6, 101)];
  for (const [step, expected] of ['1.5.100', '1.5.100', '1.5.100', '2.5.100', '2.5.100', '2.6.101'].entries()) {
    await one.putList(all[step]);
    assert.equal(await held(), expected);
  }
  await one.putStamp(trust(2, 6, 100));
  await one.putStamp(trust(2, 7, 300));
  assert.equal((await one.storedList()).stamp.toString(), '101');
  await one.putStamp(trust(2, 6, 300));
  assert.deepEqual([(await one.storedList()).stamp.toString(), await held()], ['300', '2.6.101']);
  await Promise.all(Array.from({ length: 30 }, (_, number) => copy('trust').putList(trust(2, 10 + number, 400))));
  assert.equal(await held(), '2.39.400');
});

test('a process never holds an older list than it stores', async () => {
  const bundle = async () => new Uint8Array(await (await fetch(`${issuer.url}/.well-known/portcullis/bundle`)).arrayBuffer());
  const older = await bundle();
  const { key } = (await issuer.api('POST', '/v1/keys', { title: 'newer' })).body;
  await issuer.revokeByApi(key.id);
  const numberOf = (bytes) => createVerifier({ root: issuer.root, bundle: bytes }).status().list.number;
  const newer = await until('the list is newer', async () => {
    const bytes = await bundle();
    return numberOf(bytes) > numberOf(older) && bytes;
  });
  const verifier = createVerifier({ root: issuer.root, bundle: older });
  const stored = copy('never older');
  const listStore = new ListStore({ root: issuer.root, copy: stored, source: { get: async () => newer } });
  listStore.store(verifier);
  await listStore.settled();
  assert.equal(Number((await stored.storedList()).number), numberOf(newer));
  assert.equal(verifier.status().list.number, numberOf(newer));
});

test('a create whose answer was lost is not done twice', async () => {
  const way = await proxy(issuer.url);
  atEnd(() => way.close());
  for (const where of [{}, { database: { clientUrl: '' } }]) {
    const api = shop({ url: way.url, retries: 0, ...where });
    const title = `lost ${JSON.stringify(where).length}`;
    await way.during(['lose'], () =>
      assert.rejects(api.createApiKeys(secret(title)), { type: 'unexpected_state', message: /it is not known whether this was done; try again/ }));
    const again = await until('it is made', () => api.createApiKeys(secret(title)).catch(() => undefined));
    assert.match(again.token, /^sk_live_/);
    const titled = async () => (await issuer.api('GET', `/v1/keys?title=${encodeURIComponent(title)}`)).body.keys.map(({ id }) => id);
    assert.deepEqual(await titled(), [again.id]);
    // Whoever asks once more wants another one.
    const other = await api.createApiKeys(secret(title));
    assert.notEqual(other.id, again.id);
    // Nor is what was revoked meanwhile handed out.
    await way.during(['lose'], () => assert.rejects(api.createApiKeys(secret(title)), { type: 'unexpected_state' }));
    await until('the issuer is there', () => api.revoke({ title }, { revoked_by: 'usr_1' }).catch(() => undefined));
    assert.equal((await api.createApiKeys(secret(title))).revoked_at, null);
  }
});

test('what one process revoked counts in another one that has lost the issuer', async () => {
  const way = await freezable();
  const [one, other] = [shop(), shop({ url: way.url, refreshEvery: 200, freshFor: 300 })];
  const [key, gone, pk] = await one.createApiKeys([secret('elsewhere'), secret('elsewhere, deleted'), publishable('elsewhere')]);
  for (const { token } of [key, gone]) await until('it counts', () => other.authenticate(token));
  await until('it counts', async () => counts(await window(other, pk.token)));
  way.freeze();
  await one.revoke({ id: [key.id, pk.id] }, { revoked_by: 'usr_1' });
  await one.deleteApiKeys([gone.id]);
  for (const { token } of [key, gone]) await until('it is refused', async () => (await other.authenticate(token)) === false);
  await until('it is refused', async () => !counts(await window(other, pk.token)));
});

/** A way to the issuer on which nothing passes any more after `freeze()`. */
async function freezable() {
  const way = await proxy(issuer.url);
  atEnd(() => way.close());
  way.freeze = () => {
    way.plan = Array.from({ length: 100_000 }, () => 'drop');
  };
  return way;
}

test('a process that starts without the issuer refuses by the records what its older list does not know of', async () => {
  const one = shop({ refreshEvery: 100 });
  const [key, gone, pk, good] = await one.createApiKeys([secret('a'), secret('b'), publishable('c'), publishable('d')]);
  for (const { token } of [key, gone]) await until('it counts', () => one.authenticate(token));
  assert.ok(counts(await window(one, pk.token)));
  // The list before the revocations is that which is kept now.
  const before = await until('the list is kept', kept);
  await one.revoke({ id: [key.id, pk.id] }, { revoked_by: 'usr_1' });
  await one.deleteApiKeys([gone.id]);
  await one.listApiKeys({});
  await until('the keys are listed', async () => (await one.status()).keysAsOf);
  await one.__hooks.onApplicationShutdown();
  await keep(before);
  const late = shop({ url: AWAY });
  assert.ok(counts(await window(late, good.token)), 'by the older list');
  assert.deepEqual([await late.authenticate(key.token), await late.authenticate(gone.token)], [false, false]);
  assert.ok(!counts(await window(late, pk.token)));
});

test('a copy that has not seen a revocation lets nothing in that the list refuses', async () => {
  const one = shop({ refreshEvery: 100 });
  const [key, pk] = await one.createApiKeys([secret('by list'), publishable('by list')]);
  await until('it counts', () => one.authenticate(key.token));
  assert.ok(counts(await window(one, pk.token)));
  await one.listApiKeys({});
  await until('the keys are listed', async () => (await one.status()).keysAsOf);
  for (const { id } of [key, pk]) await issuer.revokeByApi(id);
  const way = await freezable();
  const late = shop({ url: way.url, refreshEvery: 100 });
  await until('the revocation is in the list', async () => (await late.authenticate(key.token)) === false);
  way.freeze();
  const rows = async () => (await sql("SELECT record->>'revoked_at' AS at FROM portcullis_api_key WHERE id = ANY($1)", [[key.id, pk.id]])).rows;
  await until('the issuer is away', async () => {
    await late.listApiKeys({});
    return !(await late.status()).reached;
  });
  await sql("UPDATE portcullis_api_key SET record = record || '{\"revoked_at\":null,\"state\":\"active\"}' WHERE id = ANY($1)", [[key.id, pk.id]]);
  assert.deepEqual((await rows()).map((row) => row.at), [null, null]);
  assert.equal(await late.authenticate(key.token), false);
  assert.ok(!counts(await window(late, pk.token)));
  assert.ok(!counts((await late.listApiKeys({ $or: [{ token: pk.token }] }))[0]), 'nor in a condition within another');
});

test('a process that starts with a kept list takes no older one from the network', async () => {
  const one = shop({ refreshEvery: 100 });
  const { token, id } = await one.createApiKeys(secret('rolled back'));
  await until('it counts', () => one.authenticate(token));
  const old = new Map();
  for (const name of ['bundle', 'keyring', 'stamp']) old.set(name, await (await fetch(`${issuer.url}/.well-known/portcullis/${name}`)).arrayBuffer());
  const { number } = await until('a list is kept', kept);
  await one.revoke(id, { revoked_by: 'usr_1' });
  await until('the newer list is kept', async () => {
    await one.authenticate(token);
    return Number((await kept()).number) > Number(number);
  });
  // The records are forgotten: the list alone is to refuse.
  await sql('DELETE FROM portcullis_api_key WHERE id = $1', [id]);
  const replayed = async (address, init) => {
    const name = new URL(address).pathname.split('/').at(-1);
    return old.has(name) ? new Response(old.get(name)) : fetch(address, init);
  };
  const original = globalThis.fetch;
  globalThis.fetch = replayed;
  try {
    const late = shop({ fetch: async () => Response.json({ code: 'x', detail: 'away' }, { status: 503, headers: { 'content-type': 'application/problem+json' } }) });
    assert.equal(await late.authenticate(token), false);
  } finally {
    globalThis.fetch = original;
  }
});

test('a copy that was damaged is as none', async () => {
  const one = shop({ refreshEvery: 100 });
  const { token } = await one.createApiKeys(secret('damaged'));
  await until('it counts', () => one.authenticate(token));
  const { bundle, stamp } = await kept();
  await one.__hooks.onApplicationShutdown();
  const late = async (bundle_, stamp_) => {
    await keep({ bundle: bundle_, stamp: stamp_ });
    const made = shop();
    return (await until('it counts', () => made.authenticate(token))).title;
  };
  const flipped = Buffer.from(bundle);
  flipped[flipped.length - 1] ^= 1;
  for (const damaged of [Buffer.from('x'), Buffer.alloc(9, 255), flipped, bundle.subarray(0, 100)]) assert.equal(await late(damaged, stamp), 'damaged');
  assert.equal(await late(bundle, Buffer.alloc(154, 7)), 'damaged');
  await keep({ bundle: null, stamp: null });
});

test('an issuer that refuses the module is there: no copy answers in its place', async () => {
  const one = shop();
  await one.listApiKeys({});
  await until('the keys are listed', async () => (await one.status()).keysAsOf);
  const refused = shop({ adminKey: issuer.options.adminKey.replace(/.{6}$/, 'AAAAAA') });
  await assert.rejects(refused.listApiKeys({}), { type: 'unexpected_state', message: /the issuer refuses the module's admin key/ });
  await assert.rejects(refused.retrieveApiKey('apk_1'), { message: /the issuer refuses the module's admin key/ });
});

test('what the issuer alone can verify is refused while it is away', async () => {
  const one = shop({ refreshEvery: 100 });
  const [key, pk] = await one.createApiKeys([secret('hmac'), publishable('window')]);
  await until('it counts', () => one.authenticate(key.token));
  await until('a list is kept', kept);
  assert.equal((await shop({ url: AWAY }).authenticate(key.token)).title, 'hmac');
  const away = { type: 'unexpected_state', message: /the issuer can't be reached/ };
  await assert.rejects(shop({ url: AWAY, secrets: undefined }).authenticate(key.token), away);
  const online = shop({ url: AWAY, authenticate: 'online' });
  await assert.rejects(online.authenticate(key.token), away);
  await assert.rejects(window(online, pk.token), away);
});

test('what takes several requests says how far it came', async () => {
  const way = await freezable();
  const api = shop({ url: way.url, retries: 0, authenticate: 'online' });
  const keys = await api.createApiKeys([secret('first'), secret('second')]);
  const ids = keys.map(({ id }) => id);
  await way.during(['pass', 'pass', 'drop'], () =>
    assert.rejects(api.softDeleteApiKeys(ids), { type: 'unexpected_state', message: /1 of 2 keys were changed; try again for the rest/ }));
  await until('the rest is done', () => api.softDeleteApiKeys(ids).catch(() => undefined));
  assert.deepEqual(await api.listApiKeys({ id: ids }), []);
});

test('without tables, or without a database, the module goes on as if there were no copy', async () => {
  const raw = [() => new Promise(() => {}), async () => Promise.reject(new Error('no database'))];
  const broken = raw.map((asked) => [{ database: undefined }, { __pg_connection__: { raw: asked } }]);
  for (const where of [[{ database: { clientUrl: await database('copy_empty') } }], [{ database: { clientUrl: '' } }], [{ database: undefined }], ...broken]) {
    const api = shop(...where);
    const { id, token } = await api.createApiKeys(secret('no copy'));
    await until('it counts', () => api.authenticate(token));
    assert.equal((await api.retrieveApiKey(id)).title, 'no copy');
    assert.deepEqual(await api.status().then(({ reached, keysAsOf }) => [reached, keysAsOf]), [true, null]);
    const away = shop({ ...where[0], url: AWAY, retries: 0 }, where[1]);
    await assert.rejects(away.listApiKeys({}), { type: 'unexpected_state', message: "API keys: the issuer can't be reached; nothing was changed; try again" });
  }
});
