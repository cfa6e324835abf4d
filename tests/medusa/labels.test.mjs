// A shop with an issuer that has a label: Medusa's middleware ignores keys like `acme_sk_live_…`.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { run } from '../e2e/support/processes.mjs';
import { issuerFor, startApplication } from './support.mjs';

const require = createRequire(import.meta.url);
const { Modules } = require('@medusajs/framework/utils');
const portcullis = require('portcullis/medusa').default;

const MEDUSA = fileURLToPath(new URL('node_modules/.bin/medusa', import.meta.url));
const APP = fileURLToPath(new URL('app/', import.meta.url));
const COMMAND = /portcullis (keyring labels --add-unlabelled)/;

let issuer;
let call;
let service;
before(async () => {
  issuer = await issuerFor({ label: 'acme' });
  await labels('--add-unlabelled');
  const application = await startApplication(issuer);
  call = application.call;
  service = application.container.resolve(Modules.API_KEY);
});

const labels = (...args) => cli(['keyring', 'labels', ...args]);
/** The issuer's program, to which the shop's DATABASE_URL would be its own. */
async function cli(args) {
  const { DATABASE_URL } = process.env;
  delete process.env.DATABASE_URL;
  try {
    return await issuer.cli(args);
  } finally {
    if (DATABASE_URL !== undefined) process.env.DATABASE_URL = DATABASE_URL;
  }
}
const basic = (token) => ({ headers: { authorization: `Basic ${token}` } });
const list = (token) => call('GET', '/admin/api-keys', basic(token));
const create = (title, type = 'secret') => service.createApiKeys({ title, type, created_by: 'usr_1' });
/** What the loaders of the module do at a start, without an application around it. */
async function load(options) {
  for (const loader of portcullis.loaders) await loader({ options: { ...issuer.options, ...options } });
}

test('secret keys that the shop makes have no label, and open the admin API', async () => {
  assert.match(issuer.adminKey, /^acme_ak_live_/);
  const first = await create('back office');
  assert.match(first.token, /^sk_live_/);
  const made = await call('POST', '/admin/api-keys', { ...basic(first.token), body: { title: 'over HTTP', type: 'secret' } });
  assert.equal(made.status, 200);
  const { token, id } = made.body.api_key;
  assert.match(token, /^sk_live_/);
  for (const credential of [token, Buffer.from(`${token}:`).toString('base64')]) {
    assert.equal((await list(credential)).status, 200);
  }
  const upserted = await service.upsertApiKeys({ title: 'upserted', type: 'secret', created_by: 'usr_1' });
  assert.equal((await list(upserted.token)).status, 200);

  // A roll at the issuer keeps what Medusa needs.
  const rolled = (await issuer.api('POST', `/v1/keys/${id}/roll`, { overlap_seconds: 0 })).body;
  assert.match(rolled.token, /^sk_live_/);
  assert.equal((await list(rolled.token)).status, 200);
  // One of before, which Medusa does not look at, gets a successor that it does.
  const before = (await issuer.api('POST', '/v1/keys', { title: 'before' })).body;
  assert.deepEqual([before.token.slice(0, 13), (await list(before.token)).status], ['acme_sk_live_', 401]);
  const next = (await issuer.api('POST', `/v1/keys/${before.key.id}/roll`, { label: '' })).body;
  assert.equal((await list(next.token)).status, 200);
});

test('publishable keys keep the label, and open the store', async () => {
  const { token, id } = await create('shop window', 'publishable');
  assert.match(token, /^acme_pk_live_/);
  const { token: admin } = await create('for the link');
  const [channel] = (await call('GET', '/admin/sales-channels', basic(admin))).body.sales_channels;
  const linked = await call('POST', `/admin/api-keys/${id}/sales-channels`, { ...basic(admin), body: { add: [channel.id] } });
  assert.equal(linked.status, 200);
  const store = await call('GET', '/store/products', { headers: { 'x-publishable-api-key': token } });
  assert.equal(store.status, 200);
  assert.equal((await service.listApiKeys({ token }))[0].id, id);
});

test('where the keyring allows no keys without a label, creating and starting say what to do', async () => {
  const { token } = await create('of before');
  await labels('--remove-unlabelled', '--yes');
  const refused = await create('too late').catch((error) => error);
  assert.equal(refused.type, 'not_allowed');
  assert.match(refused.message, COMMAND);
  assert.match((await create('as ever', 'publishable')).token, /^acme_pk_live_/);

  // `medusa start` of the same application: it ends, and its log says why.
  const start = await run(process.execPath, [MEDUSA, 'start', '--port', '0'], { cwd: APP });
  const log = start.stdout + start.stderr;
  assert.notEqual(start.code, 0, log);
  assert.match(log, COMMAND);
  assert.match(log, /its labels are "acme"/);
  await assert.rejects(load(), { message: COMMAND });

  // What the log says to do.
  const [, command] = log.match(COMMAND);
  await cli(command.split(' '));
  await load();
  assert.equal((await list((await create('in time')).token)).status, 200);
  assert.equal((await list(token)).status, 200);
});

test('a start is refused only by what the issuer says, not by its absence', async () => {
  await labels('--remove-unlabelled', '--yes');
  const { token } = (await issuer.api('POST', '/v1/admins', { title: 'writer', scopes: ['keys:write'] })).body;
  for (const options of [
    { url: 'http://127.0.0.1:1' },
    { adminKey: 'acme_sk_live_wrong' },
    { adminKey: token },
    { fetch: async () => new Response('{}', { status: 404 }) },
    { fetch: async () => Response.json({ labels: 'acme' }) },
    { fetch: (_, { signal }) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))), timeout: 50 },
  ]) {
    await load(options);
  }
  // Options that are none are told of by the service, which knows all of them.
  await load({ url: undefined });
  await assert.rejects(load(), { message: COMMAND });
});
