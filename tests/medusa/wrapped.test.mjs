// The service can be wrapped, as by Medusa's test runner, tracing and mocks, and shows no secret.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { before, test } from 'node:test';

import { members, shown, WRAPPERS } from '../../wasm/test/wrappers.mjs';
import { atEnd } from '../e2e/support/processes.mjs';
import { issuerFor } from './support.mjs';

const require = createRequire(import.meta.url);
const { ApiKeyModuleService } = require('portcullis/medusa');

const by = { revoked_by: 'usr_1' };
const secret = (title) => ({ title, type: 'secret', created_by: 'usr_1' });
let issuer;
before(async () => {
  issuer = await issuerFor();
});

function service(Class = ApiKeyModuleService) {
  const made = new Class({}, issuer.options);
  atEnd(() => made.__hooks.onApplicationShutdown());
  return made;
}

// A life of keys: each member, on what `api` is.
const LIFE = {
  createApiKeys: async (api, held) => {
    held.keys = await api.createApiKeys(['a', 'b', 'c'].map(secret));
    return held.keys.length;
  },
  upsertApiKeys: async (api, { keys }) => (await api.upsertApiKeys({ id: keys[0].id, title: 'renamed' })).title,
  updateApiKeys: async (api, { keys }) => (await api.updateApiKeys(keys[1].id, { title: 'again' })).title,
  retrieveApiKey: async (api, { keys }) => (await api.retrieveApiKey(keys[0].id)).title,
  listApiKeys: async (api, { keys }) => (await api.listApiKeys({ id: keys.map(({ id }) => id) })).length,
  listAndCountApiKeys: async (api, { keys }) => (await api.listAndCountApiKeys({ id: keys[0].id }))[1],
  authenticate: async (api, { keys }) => (await api.authenticate(keys[0].token)).title,
  softDeleteApiKeys: async (api, { keys }) => (await api.softDeleteApiKeys(keys[2].id)).api_key_id.length,
  restoreApiKeys: async (api, { keys }) => (await api.restoreApiKeys(keys[2].id)).api_key_id.length,
  revoke: async (api, { keys }) => (await api.revoke(keys[0].id, by)).revoked_by,
  deleteApiKeys: async (api, { keys }) => api.deleteApiKeys([keys[0].id]),
  undoCreateApiKeys: async (api, { keys }) => api.undoCreateApiKeys(keys.slice(1).map(({ id }) => id)),
  status: async (api) => (await api.status()).reached,
  __hooks: async (api) => Object.keys(api.__hooks).sort().join(),
  __joinerConfig: async (api) => api.__joinerConfig().serviceName,
};

async function life(api) {
  const held = {};
  const told = {};
  for (const [name, act] of Object.entries(LIFE)) told[name] = await act(api, held);
  return told;
}

test('each member is in the life below', () => {
  assert.deepEqual(members(service()).filter((name) => typeof name === 'string').sort(), Object.keys(LIFE).sort());
});

for (const [how, wrap] of Object.entries({ 'no wrapper': (it) => it, ...WRAPPERS })) {
  test(`the service in ${how}`, async () => {
    const told = await life(wrap(service()));
    assert.deepEqual(told, {
      createApiKeys: 3, upsertApiKeys: 'renamed', updateApiKeys: 'again', retrieveApiKey: 'renamed', listApiKeys: 3, listAndCountApiKeys: 1,
      authenticate: 'renamed', softDeleteApiKeys: 1, restoreApiKeys: 1, revoke: 'usr_1', deleteApiKeys: undefined, undoCreateApiKeys: undefined,
      status: true, __hooks: 'onApplicationShutdown,onApplicationStart', __joinerConfig: 'api_key',
    });
    const text = shown(wrap(service()));
    const { adminKey, secrets } = issuer.options;
    for (const one of [adminKey, ...secrets.map((held) => held.secret)]) assert.ok(!text.includes(one), text);
  });
}

test("a subclass goes on from the service's methods", async () => {
  class Shop extends ApiKeyModuleService {
    async createApiKeys(data, context) {
      return super.createApiKeys({ ...data, title: `shop: ${data.title}` }, context);
    }

    async named(title) {
      return this.listApiKeys({ title });
    }
  }
  const shop = service(Shop);
  const { id } = await shop.createApiKeys(secret('till'));
  assert.deepEqual((await shop.named('shop: till')).map((row) => row.id), [id]);
  assert.ok(shop instanceof ApiKeyModuleService);
  await shop.undoCreateApiKeys(id);
});
