// Medusa's fields for a key's creator and revoker: they have the names that the shop gave, and no others.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { before, test } from 'node:test';

import { atEnd } from '../e2e/support/processes.mjs';
import { issuerFor } from './support.mjs';

const require = createRequire(import.meta.url);
const { ApiKeyModuleService } = require('portcullis/medusa');

let issuer;
let api;
before(async () => {
  issuer = await issuerFor();
  api = new ApiKeyModuleService({}, issuer.options);
  atEnd(() => api.__hooks.onApplicationShutdown());
});

const names = async (id) => {
  const { created_by, revoked_by } = await api.retrieveApiKey(id);
  return [created_by, revoked_by];
};
const record = async (id) => (await issuer.api('GET', `/v1/keys/${id}`)).body;

test('whom the shop names', async () => {
  const { id } = await api.createApiKeys({ title: 'a', type: 'secret', created_by: 'user_1' });
  assert.deepEqual(await names(id), ['user_1', null]);
  await api.revoke(id, { revoked_by: 'user_2' });
  assert.deepEqual(await names(id), ['user_1', 'user_2']);
});

test('nobody, if the shop names nobody, though the issuer asks who it was', async () => {
  const { id } = await api.createApiKeys({ title: 'a', type: 'publishable', created_by: '' });
  assert.equal((await record(id)).created_by, 'medusa');
  assert.deepEqual(await names(id), ['', null]);
});

test('nobody, of what was done at the issuer itself', async () => {
  const { id } = await issuer.create();
  await issuer.revoke(id);
  const { created_by, revoked_by } = await record(id);
  assert.match(created_by, /.@./);
  assert.match(revoked_by, /.@./);
  assert.deepEqual(await names(id), ['', null]);
  assert.ok((await api.retrieveApiKey(id)).revoked_at instanceof Date);
  const made = (await issuer.api('POST', '/v1/keys', { title: 'b' })).body.key;
  assert.match(made.created_by, /^apk_/);
  assert.deepEqual(await names(made.id), ['', null]);
});

test('whom the issuer was told at its command line', async () => {
  const { id } = await issuer.create('--by', 'user_3');
  assert.deepEqual(await names(id), ['user_3', null]);
});
