// A shop that starts while the issuer is away, with Medusa's own commands: each row of the table in docs/medusa.md.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { before, test } from 'node:test';

import { serve } from '../e2e/support/issuer.mjs';
import { until } from '../e2e/support/processes.mjs';
import { blackHole, client, copyOf, environment, medusa, migrated, startShop } from './shop.mjs';
import { issuerFor } from './support.mjs';

const DOCS = new URL('../../docs/medusa.md', import.meta.url);
const REFUSED = "API keys: the issuer can't be reached; nothing was changed; try again";

let issuer;
let port;
let env;
let empty;
let shop;
let admin;
let ed25519;
let server;
const made = {};
const basic = (token) => ({ headers: { authorization: `Basic ${token}` } });
const store = (token, at = shop) => at.call('GET', '/store/products', { headers: { 'x-publishable-api-key': token } });
const keys = (query = '', headers = admin) => shop.call('GET', `/admin/api-keys${query}`, headers);
const status = async (at = shop) => (await at.call('GET', '/key-status')).body;

before(async () => {
  issuer = await issuerFor();
  ({ server } = issuer);
  port = new URL(issuer.url).port;
  const url = await migrated('offline');
  empty = await copyOf(url, 'offline_new');
  env = environment(url, issuer.options);
  shop = await startShop(env);
  const mint = async (title, more = {}) =>
    (await issuer.api('POST', '/v1/keys', { title, kind: 'secret', environment: 'live', created_by: 'usr_1', ...more })).body;
  ({ token: made.admin } = await mint('back office'));
  ({ token: made.unseen } = await mint('not seen before'));
  ({ token: ed25519 } = await mint('signed', { algorithm: 'ed25519' }));
  admin = basic(made.admin);

  const create = async (title, type) => (await shop.call('POST', '/admin/api-keys', { ...admin, body: { title, type } })).body.api_key;
  made.window = await create('window', 'publishable');
  made.spare = await create('spare', 'publishable');
  made.channel = (await shop.call('POST', '/admin/sales-channels', { ...admin, body: { name: 'Web' } })).body.sales_channel;
  const linked = await shop.call('POST', `/admin/api-keys/${made.window.id}/sales-channels`, { ...admin, body: { add: [made.channel.id] } });
  assert.equal(linked.status, 200);
  assert.equal((await store(made.window.token)).status, 200);
  // The issuer's keys were listed when the shop started; what was made at the issuer itself comes with the next listing.
  const sql = await client(url);
  await sql("UPDATE portcullis_copy SET listed_at = listed_at - interval '1 hour'");
  await shop.stop();
  shop = await startShop(env);
  await until('the keys are listed', async () => Date.now() - Date.parse((await status()).keysAsOf) < 60_000);
  await until('a list is kept', async () => (await sql('SELECT bundle FROM portcullis_copy WHERE bundle IS NOT NULL')).rowCount > 0);

  // What ends in the last moment is in the copy, whatever list is.
  for (const type of ['publishable', 'secret']) {
    made[type] = await create(`revoked ${type}`, type);
    made[`deleted ${type}`] = await create(`deleted ${type}`, type);
  }
  for (const type of ['publishable', 'secret']) {
    await shop.call('POST', `/admin/api-keys/${made[type].id}/revoke`, { ...admin, body: {} });
    await shop.call('DELETE', `/admin/api-keys/${made[`deleted ${type}`].id}`, admin);
  }
  await server.stop();
  await shop.stop();
  shop = await startShop(env);
});

const refuses = ({ status: code, body }) => {
  assert.deepEqual([code, body.type, body.message], [500, 'unexpected_state', REFUSED]);
};

/** By the first cell of their row. */
const rows = {
  async '`medusa start`, and every other command that loads the application'() {
    await until('the log says so', () =>
      /API keys: the issuer can't be reached; keys are as of 20\d\d-[^;]*; keys that come with requests are verified until 20\d\d-/.test(shop.log));
    const { reached, awaySince, keysAsOf, keysAreAll, listUntil } = await status();
    assert.deepEqual([reached, keysAreAll], [false, true]);
    assert.ok(Date.parse(keysAsOf) < Date.parse(awaySince) && Date.parse(awaySince) < Date.parse(listUntil));
    const { code, stdout, stderr } = await medusa(['db:migrate', '--skip-scripts'], { ...env, LOG_LEVEL: 'error' });
    assert.equal(code, 0, stdout + stderr);
  },
  async 'the first start of a new shop'() {
    const { code, stdout, stderr } = await medusa(['start', '--port', '0'], { ...env, DATABASE_URL: empty, LOG_LEVEL: 'error' });
    assert.notEqual(code, 0);
    assert.match(stdout + stderr, /the issuer at http:.* can't be reached, and this shop has not seen its keys yet: start the issuer, or correct/);
  },
  async 'a store request with a publishable key'() {
    assert.equal((await store(made.window.token)).status, 200);
    const forged = `${made.window.token.slice(0, -1)}${made.window.token.endsWith('0') ? '1' : '0'}`;
    assert.equal((await store(forged)).status, 400);
  },
  async 'an admin request with a secret key'() {
    for (const token of [made.admin, made.unseen, ed25519]) assert.equal((await shop.call('GET', '/admin/sales-channels', basic(token))).status, 200);
    assert.equal((await shop.call('GET', '/admin/sales-channels', basic(`${made.admin}x`))).status, 401);
  },
  async 'a key that any process of the shop revoked or deleted'() {
    for (const name of ['secret', 'deleted secret']) {
      assert.equal((await shop.call('GET', '/admin/sales-channels', basic(made[name].token))).status, 401, name);
    }
    for (const name of ['publishable', 'deleted publishable']) assert.equal((await store(made[name].token)).status, 400, name);
  },
  async 'lists of keys, and single ones, with their sales channels'() {
    const { body } = await keys('?type=publishable&order=-created_at&fields=id,title,revoked_at,created_by,*sales_channels');
    const found = body.api_keys.map(({ title, revoked_at, sales_channels }) => [title, revoked_at !== null, sales_channels.map(({ name }) => name)]);
    assert.deepEqual(found, [
      ['revoked publishable', true, []], ['spare', false, []], ['window', false, ['Web']],
      ['Default Publishable API Key', false, ['Default Sales Channel']],
    ]);
    assert.equal(body.count, 4);
    const page = await keys('?q=re&limit=1&offset=1&order=title');
    assert.deepEqual([page.body.count, page.body.api_keys.map(({ title }) => title)], [4, ['revoked publishable']]);
    const one = await shop.call('GET', `/admin/api-keys/${made.window.id}`, admin);
    assert.deepEqual([one.status, one.body.api_key.title, one.body.api_key.token], [200, 'window', made.window.token]);
    assert.equal((await shop.call('GET', '/admin/api-keys/apk_nothing', admin)).status, 404);
  },
  async 'sales channels of a key: adding and removing'() {
    const path = `/admin/api-keys/${made.spare.id}/sales-channels`;
    const added = await shop.call('POST', path, { ...admin, body: { add: [made.channel.id] } });
    assert.deepEqual([added.status, added.body.api_key.sales_channels.map(({ name }) => name)], [200, ['Web']]);
    assert.equal((await shop.call('POST', path, { ...admin, body: { remove: [made.channel.id] } })).status, 200);
  },
  async 'creating, updating, revoking, deleting and restoring keys'() {
    const at = `/admin/api-keys/${made.window.id}`;
    refuses(await shop.call('POST', '/admin/api-keys', { ...admin, body: { title: 'new', type: 'secret' } }));
    refuses(await shop.call('POST', at, { ...admin, body: { title: 'renamed' } }));
    refuses(await shop.call('POST', `${at}/revoke`, { ...admin, body: {} }));
    refuses(await shop.call('DELETE', at, admin));
    assert.deepEqual((await keys('?q=new')).body.api_keys, []);
    assert.equal((await shop.call('GET', at, admin)).body.api_key.title, 'window');
  },
};

test('docs/medusa.md has a row for each thing that is tried here', async () => {
  const table = (await readFile(DOCS, 'utf8')).split('\n## While the issuer is away\n')[1].split('\n## ')[0];
  const names = table.split('\n').filter((line) => line.startsWith('| ')).slice(1).map((line) => line.split(' | ')[0].replace(/^\| /, ''));
  assert.deepEqual(names, Object.keys(rows));
});

for (const [name, holds] of Object.entries(rows)) test(name, holds);

test('what is kept has no text of a secret key in it, and no secret', async () => {
  const sql = await client(env.DATABASE_URL);
  const tables = ['portcullis_copy', 'portcullis_api_key', 'portcullis_unanswered', 'portcullis_migration'];
  const texts = [];
  for (const table of tables) texts.push(JSON.stringify((await sql(`SELECT row_to_json(t) FROM ${table} AS t`)).rows));
  const all = texts.join('\n');
  const { secrets, adminKey } = issuer.options;
  const hidden = [made.admin, made.unseen, ed25519, made.secret.token, adminKey, ...secrets.map(({ secret }) => secret)];
  for (const text of hidden) assert.ok(!all.includes(text));
  for (const { secret } of secrets) assert.ok(!all.includes(Buffer.from(secret, 'base64url').toString('hex')));
  assert.ok(!/sk_(live|test)_[0-9A-Za-z]{20}/.test(all));
  assert.ok(all.includes(made.window.token));
});

test('an issuer that never answers does not keep a shop from starting', async () => {
  const other = await startShop({ ...env, PORTCULLIS_URL: await blackHole() });
  assert.equal((await store(made.window.token, other)).status, 200);
  assert.equal((await other.call('GET', '/admin/api-keys', admin)).body.count, 8);
  const refused = await other.call('POST', '/admin/api-keys', { ...admin, body: { title: 'new', type: 'secret' } });
  refuses(refused);
  console.log(`medusa start: ${shop.took} ms with an issuer that refuses connections, ${other.took} ms with one that never answers`);
  assert.ok(other.took < shop.took + 30_000, `${other.took} ms`);
  await other.stop();
});

let heldBefore;
test('when the issuer is back, all of it works again without a restart', async () => {
  assert.equal((await status()).reached, false);
  heldBefore = (await status()).listUntil;
  server = await serve(issuer, { port, validFor: '5s' });
  await until('the issuer is reached', async () => {
    await keys();
    return (await status()).reached;
  });
  const created = await shop.call('POST', '/admin/api-keys', { ...admin, body: { title: 'after', type: 'secret' } });
  assert.equal(created.status, 200, JSON.stringify(created.body));
  assert.equal((await shop.call('GET', '/admin/sales-channels', basic(created.body.api_key.token))).status, 200);
  assert.equal((await store(made.window.token)).status, 200);
  assert.match(shop.log, /the issuer can be reached again/);
});

test("past the list's next update everything is refused, and the copy goes on describing", async () => {
  // Verified against the issuer's new list, which is short.
  await until('the short list is held', async () => {
    const { listUntil } = await status();
    return listUntil !== heldBefore && Date.parse(listUntil) - Date.now() < 6_000;
  });
  await server.stop();
  // Whichever list the shop has, the issuer signed it before this instant, for five seconds.
  const last = Date.now() + 5_000;
  await until('the last list is past its next update', () => Date.now() > last);
  assert.ok(Date.parse((await status()).listUntil) <= last);
  const refused = await store(made.window.token);
  assert.deepEqual([refused.status, refused.body.type], [500, 'unexpected_state']);
  assert.match(refused.body.message, /the issuer can't be reached, and without it the key can't be verified any more/);
  assert.equal((await shop.call('GET', '/admin/sales-channels', admin)).status, 401);
  // A start now has nothing to verify against, and starts all the same.
  const late = await startShop(env);
  assert.equal((await store(made.window.token, late)).status, 500);
  assert.equal((await late.call('GET', '/admin/sales-channels', admin)).status, 401);
  server = await serve(issuer, { port });
  for (const one of [shop, late]) {
    await until('all works again', async () => (await store(made.window.token, one)).status === 200 && (await one.call('GET', '/admin/sales-channels', admin)).status === 200);
  }
});
