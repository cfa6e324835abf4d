// The module by itself: verification, requests to the issuer, and which keys it sees.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { before, test } from 'node:test';

import { atEnd, until } from '../e2e/support/processes.mjs';
import { proxy } from '../../wasm/test/issuer-proxy.mjs';
import { issuerFor } from './support.mjs';

const require = createRequire(import.meta.url);
const { ApiKeyModuleService } = require('portcullis/medusa');

const DAY = 86_400_000;
const by = { revoked_by: 'usr_1' };
let issuer;
let way;
before(async () => {
  issuer = await issuerFor();
  way = await proxy(issuer.url);
  atEnd(() => way.close());
});

/** A module, on a way to the issuer that tells what passes. */
function service(options = {}) {
  const made = new ApiKeyModuleService({}, { ...issuer.options, url: way.url, ...options });
  atEnd(() => made.__hooks.onApplicationShutdown());
  return made;
}

const secret = (title, more = {}) => ({ title, type: 'secret', created_by: 'usr_1', ...more });
const publishable = (title) => ({ ...secret(title), type: 'publishable' });
const asked = (seen) => seen.map(({ method, url }) => `${method} ${url}`).filter((line) => line.includes('/v1/'));
const window = (api, token) => api.listApiKeys({ token, type: 'publishable' }, { select: ['id', 'token', 'revoked_at'] });

test('by the list, requests with keys that are known, and with what is no key, ask nothing of the issuer', async () => {
  const api = service();
  const [key, shop] = await api.createApiKeys([secret('a'), publishable('b')]);
  const first = await way.during([], () => api.authenticate(key.token));
  assert.deepEqual([first.result.id, first.result.title, asked(first.seen)], [key.id, 'a', [`GET /v1/keys/${key.id}`]]);

  const forged = `${shop.token.slice(0, -1)}${shop.token.endsWith('0') ? '1' : '0'}`;
  const { result, seen } = await way.during([], async () => [
    (await api.authenticate(key.token)).id,
    (await api.listApiKeys({ id: [key.id] }, { select: ['created_by'], withDeleted: true }))[0].created_by,
    (await window(api, shop.token))[0],
    await window(api, forged),
    await window(api, key.token),
    await api.authenticate(shop.token),
    await api.authenticate(`${key.token}x`),
    await api.authenticate('sk_live_'.padEnd(9_000, 'a')),
  ]);
  const row = { id: shop.id, token: shop.token, revoked_at: null };
  assert.deepEqual(result, [key.id, 'usr_1', row, [], [], false, false, false]);
  assert.deepEqual(asked(seen), []);
});

test('no text of a secret key stands in an address', async () => {
  const api = service();
  const { token } = await api.createApiKeys(secret('a'));
  const { result, seen } = await way.during([], async () => [
    await api.listApiKeys({ token }),
    await api.listApiKeys({ token: [token, 'pk_live_x'] }),
    await api.listApiKeys({ $or: [{ token }, { title: 'none' }] }),
    (await api.authenticate(token)).title,
  ]);
  assert.deepEqual(result, [[], [], [], 'a']);
  for (const { url } of seen) assert.ok(!url.includes('sk_'), url);
});

test('a revocation counts here at once, and elsewhere with the next list', async () => {
  // This one never looks for a newer list by itself.
  const here = service({ refreshEvery: DAY, freshFor: DAY });
  const elsewhere = service({ refreshEvery: 50 });
  const [key, shop] = await here.createApiKeys([secret('a'), publishable('b')]);
  for (const api of [here, elsewhere]) {
    assert.equal((await api.authenticate(key.token)).id, key.id);
    assert.equal((await window(api, shop.token))[0].revoked_at, null);
  }
  await here.revoke({ id: [key.id, shop.id] }, by);
  assert.equal(await here.authenticate(key.token), false);
  assert.ok((await window(here, shop.token))[0].revoked_at <= new Date());
  await until('the other one refuses it', async () => (await elsewhere.authenticate(key.token)) === false);
  await until('and the other', async () => (await window(elsewhere, shop.token))[0].revoked_at !== null);
  const undone = await here.createApiKeys(secret('c'));
  assert.equal((await here.authenticate(undone.token)).id, undone.id);
  await here.deleteApiKeys(undone.id);
  assert.equal(await here.authenticate(undone.token), false);
});

test('online, the records decide, without a root', async () => {
  const api = service({ authenticate: 'online', root: undefined, secrets: undefined });
  const { id, token } = await api.createApiKeys(secret('a'));
  const { seen } = await way.during([], () => api.authenticate(token));
  assert.deepEqual(asked(seen), ['POST /v1/keys/authenticate']);
  await issuer.api('POST', `/v1/keys/${id}/revoke`, {});
  assert.equal(await api.authenticate(token), false);
  const shop = await api.createApiKeys(publishable('b'));
  assert.equal((await window(api, shop.token))[0].id, shop.id);
  for (const text of ['', 'nonsense', 'sk_live_Łó', undefined, 7]) assert.equal(await api.authenticate(text), false);
});

test('a key whose secret is not held here is verified by the issuer, one with a signature is not', async () => {
  const api = service({ secrets: undefined });
  const { token } = await api.createApiKeys(secret('a'));
  const first = await way.during([], () => api.authenticate(token));
  assert.deepEqual([first.result.title, asked(first.seen)], ['a', ['POST /v1/keys/authenticate']]);

  const signed = service({ secrets: undefined, algorithm: 'ed25519' });
  const key = await signed.createApiKeys(secret('b'));
  const { result, seen } = await way.during([], () => signed.authenticate(key.token));
  assert.deepEqual([result.title, asked(seen)], ['b', [`GET /v1/keys/${key.id}`]]);
});

test('what is refused for another reason than a revocation has a revoked_at all the same', async () => {
  const api = service({ refreshEvery: 50 });
  const suspended = await api.createApiKeys(publishable('a'));
  await issuer.api('POST', `/v1/keys/${suspended.id}/suspend`, {});
  const short = await api.createApiKeys({ ...publishable('b'), expires_at: new Date(Date.now() + 2_000) });
  assert.equal(short.revoked_at, null);
  for (const { token, id } of [suspended, short]) {
    const row = await until('it is refused', async () => {
      const [found] = await window(api, token);
      return found.revoked_at !== null && found.revoked_at <= new Date() ? found : undefined;
    });
    assert.equal(row.id, id);
  }
});

test("a shop sees, makes and accepts its own environment's and owner's keys alone", async () => {
  const owner = (await issuer.api('POST', '/v1/owners', { name: 'Anna' })).body.number;
  const [live, trial, hers] = [service(), service({ environment: 'test' }), service({ owner })];
  const key = await live.createApiKeys(secret('live one'));
  const own = await hers.createApiKeys(secret('her own'));
  assert.match((await trial.createApiKeys(secret('trial'))).token, /^sk_test_/);
  assert.equal((await live.authenticate(own.token)).id, own.id, 'all owners are everybody');
  const admin = (await issuer.api('GET', '/v1/keys?purpose=admin')).body.keys[0];
  for (const [api, stranger] of [[trial, key], [hers, key], [live, { id: admin.id, token: issuer.adminKey }]]) {
    assert.equal(await api.authenticate(stranger.token), false);
    await assert.rejects(api.retrieveApiKey(stranger.id), { type: 'not_found' });
    await assert.rejects(api.revoke(stranger.id, by), { type: 'not_found' });
    await assert.rejects(api.updateApiKeys(stranger.id, { title: 'mine' }), { type: 'not_found' });
    await assert.rejects(api.upsertApiKeys({ id: stranger.id, title: 'mine' }), { type: 'not_found' });
    await api.deleteApiKeys(stranger.id);
    await api.undoCreateApiKeys([stranger.id]);
    assert.ok(!(await api.listApiKeys()).some(({ id }) => id === stranger.id));
  }
  assert.equal((await live.retrieveApiKey(key.id)).title, 'live one');
});

test('only what was just made is deleted without being revoked, and for as long as the shop says', async () => {
  const strict = service({ undoWithin: 0 });
  const { id, token } = await strict.createApiKeys(secret('a'));
  await assert.rejects(strict.deleteApiKeys([id]), { type: 'not_allowed', message: `Cannot delete api keys that are not revoked - ${id}` });
  assert.equal((await strict.authenticate(token)).id, id);
  await strict.undoCreateApiKeys(id);
  assert.equal(await strict.authenticate(token), false);
});

test('more ids than one request may name', async () => {
  const api = service();
  const made = await api.createApiKeys(Array.from({ length: 230 }, (_, at) => publishable(`many ${at}`)));
  const ids = made.map(({ id }) => id);
  const [rows, count] = await api.listAndCountApiKeys({ id: ids }, { skip: 210, take: 10 });
  assert.deepEqual([rows.map(({ title }) => title), count], [made.slice(210, 220).map(({ title }) => title), 230]);
  assert.equal((await api.revoke({ id: ids }, by)).length, 230);
  await api.deleteApiKeys(ids);
  assert.deepEqual(await api.listApiKeys({ id: ids }), []);
});

test("an issuer that is away or refuses the module is no fault of the shop's clients", async () => {
  const wrong = service({ adminKey: 'sk_live_wrong' });
  const refused = await wrong.listApiKeys().catch((error) => error);
  assert.deepEqual([refused.type, refused.message.includes('admin key'), refused.message.includes('sk_live_wrong')], ['unexpected_state', true, false]);
  const away = service({ url: 'http://127.0.0.1:1', retries: 0, deadline: 100 });
  await assert.rejects(away.createApiKeys(secret('a')), { type: 'unexpected_state' });
  await assert.rejects(away.authenticate((await service().createApiKeys(secret('a'))).token), { type: 'unexpected_state' });
  assert.equal(await away.authenticate('nonsense'), false);
});

test('what the issuer asks of its keys it asks of a shop too, and the shop is told', async () => {
  const change = async (body) => assert.equal((await issuer.api('PATCH', '/v1/settings', body)).status, 200);
  const owner = (await issuer.api('POST', '/v1/owners', { name: 'shop' })).body.number;
  const [shop, nobodys] = [service({ owner }), service()];
  const before = await nobodys.createApiKeys(secret('before'));
  const asked = { owner_required: true, max_lifetime_seconds: 3600 };
  await change({ secret: asked, publishable: asked, reason_required: true });
  try {
    for (const key of [secret('a'), publishable('a')]) {
      await assert.rejects(nobodys.createApiKeys(key), (error) => error.type === 'invalid_data' && error.message.startsWith('`owner` is missing'));
      await assert.rejects(shop.createApiKeys(key), (error) => error.type === 'invalid_data' && error.message.startsWith('`expires_at` is missing'));
    }
    const late = secret('a', { expires_at: new Date(Date.now() + DAY) });
    await assert.rejects(shop.upsertApiKeys(late), (error) => error.type === 'invalid_data' && error.message.startsWith('`expires_at` must be'));
    const byDefault = { default_lifetime_seconds: 60 };
    await change({ secret: byDefault, publishable: byDefault });
    const made = await shop.createApiKeys([secret('b'), publishable('b')]);
    assert.equal(made.length, 2);
    // Medusa asks nobody why: what was done there is the reason.
    await shop.softDeleteApiKeys(made[0].id);
    await shop.restoreApiKeys(made[0].id);
    await shop.revoke(made[0].id, by);
    await shop.deleteApiKeys(made.map(({ id }) => id));
    await nobodys.revoke(before.id, by);
    const told = (await issuer.api('GET', `/v1/events?key_id=${before.id}&type=api-key.revoked`)).body.events;
    assert.deepEqual(told.map(({ data }) => data.reason), ['revoked in Medusa']);
  } finally {
    const none = { owner_required: false, max_lifetime_seconds: null, default_lifetime_seconds: null };
    await change({ secret: none, publishable: none, reason_required: false });
  }
});

test('numbers and dates that are none change nothing', async () => {
  const api = service();
  const { id, token } = await api.createApiKeys(secret('a'));
  await assert.rejects(api.revoke(id, { ...by, revoke_in: Infinity }), { type: 'invalid_data' });
  assert.equal((await api.authenticate(token)).revoked_at, null);
  await assert.rejects(api.createApiKeys(secret('of no day', { expires_at: 'tomorrow' })), { type: 'invalid_data' });
  assert.deepEqual(await api.listApiKeys({ title: 'of no day' }), []);
});

// Missing options are reported later: see missing-options.test.mjs.
test('mistakes in settings are told when the application starts', () => {
  const { url, adminKey, root } = issuer.options;
  for (const options of [
    { url, adminKey, root, environment: 'production' },
    { url, adminKey, root, authenticate: 'sometimes' },
    { url, adminKey, root, algorithm: 'rsa' },
    { url, adminKey, root, owner: 'anna' },
    { url, adminKey, root, refreshEvery: '1s' },
  ]) {
    assert.throws(() => new ApiKeyModuleService({}, options), (error) => error instanceof TypeError && /portcullis\/medusa: /.test(error.message));
  }
  assert.throws(() => new ApiKeyModuleService({}, { url, adminKey, root: 'nonsense' }), { code: 'root_unreadable' });
});
