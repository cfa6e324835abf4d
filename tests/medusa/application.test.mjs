// A whole Medusa application whose API Key Module is `portcullis/medusa`.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { before, test } from 'node:test';

import { until } from '../e2e/support/processes.mjs';
import { issuerFor, since, startApplication } from './support.mjs';

const require = createRequire(import.meta.url);
const { Modules, ContainerRegistrationKeys } = require('@medusajs/framework/utils');
const { createStep, createWorkflow, WorkflowResponse } = require('@medusajs/framework/workflows-sdk');

let issuer;
let container;
let call;
let service;
let query;
let admin;
before(async () => {
  issuer = await issuerFor();
  ({ container, call } = await startApplication(issuer));
  service = container.resolve(Modules.API_KEY);
  query = container.resolve(ContainerRegistrationKeys.QUERY);
  const { token } = await service.createApiKeys({ title: 'back office', type: 'secret', created_by: 'usr_1' });
  admin = { headers: { authorization: `Basic ${token}` } };
});

const create = (title, type = 'secret') => service.createApiKeys({ title, type, created_by: 'usr_1' });
const titled = async (title) => (await service.listApiKeys({ title }))[0];
const records = async (title) => (await issuer.api('GET', `/v1/keys?title=${encodeURIComponent(title)}`)).body.keys;
const verdict = async (token) => (await issuer.api('POST', '/v1/verify', { token })).body;
const runner = (workflow) => workflow(container);

const makesOne = { skip: since('2.12.4') ? false : 'this Medusa makes none' };
test('Medusa makes its default key, and links it, without being told anything', makesOne, async () => {
  const [key] = (await query.graph({
    entity: 'api_key',
    fields: ['title', 'type', 'sales_channels.name'],
    filters: { type: 'publishable' },
  })).data;
  assert.equal(key.title, 'Default Publishable API Key');
  assert.deepEqual(key.sales_channels.map(({ name }) => name), ['Default Sales Channel']);
});

test('the same workflow makes keys from a route, a subscriber and a scheduled job', async () => {
  const route = await call('POST', '/keys', { body: { title: 'by route', type: 'secret', created_by: 'usr_2' } });
  assert.equal(route.status, 200);
  assert.equal((await service.authenticate(route.body.apiKey.token)).id, route.body.apiKey.id);

  await container.resolve(Modules.EVENT_BUS).emit({ name: 'user.created', data: { id: 'usr_3' } });
  const subscribed = await until('the subscriber makes a key', () => titled('for usr_3'));
  assert.equal(subscribed.created_by, 'usr_3');

  await container.resolve(Modules.WORKFLOW_ENGINE).run('job-daily-key', { input: {} });
  assert.equal((await titled('of the day')).type, 'publishable');
});

test('a workflow that fails in a later step leaves no live key behind', async () => {
  const { createApiKeyWorkflow, handedOn } = require('./app/src/workflows/create-api-key.js');
  for (const type of ['secret', 'publishable']) {
    const input = { title: `taken back ${type}`, type, created_by: 'usr_1', fail: true };
    await assert.rejects(createApiKeyWorkflow(container).run({ input }), { message: 'a later step fails' });
    const { id, token } = handedOn.at(-1);
    assert.equal((await verdict(token)).code, 'revoked');
    assert.equal(await service.authenticate(token), false);
    assert.deepEqual(await records(input.title), []);
    await assert.rejects(service.retrieveApiKey(id), { type: 'not_found' });
  }
});

test("so does Medusa's own workflow, whose compensation is to delete", async () => {
  const { createApiKeysStep } = require('@medusajs/medusa/core-flows');
  const made = [];
  const fail = createStep('fail-after-core', async (keys) => {
    made.push(...keys);
    throw new Error('a later step fails');
  });
  const workflow = createWorkflow('core-and-fail', (input) => {
    const keys = createApiKeysStep(input);
    fail(keys);
    return new WorkflowResponse(keys);
  });
  const api_keys = ['one', 'two'].map((title) => ({ title: `core ${title}`, type: 'secret', created_by: 'usr_1' }));
  await assert.rejects(runner(workflow).run({ input: { api_keys } }), { message: 'a later step fails' });
  assert.equal(made.length, 2);
  for (const { token } of made) assert.equal((await verdict(token)).code, 'revoked');
});

test('an update and a link are taken back too', async () => {
  const { updateApiKeysStep, linkSalesChannelsToApiKeyStep } = require('@medusajs/medusa/core-flows');
  const key = await create('before', 'publishable');
  const [channel] = await container.resolve(Modules.SALES_CHANNEL).createSalesChannels([{ name: 'Kiosk' }]);
  const fail = createStep('fail-after-update', async () => {
    throw new Error('a later step fails');
  });
  const workflow = createWorkflow('update-and-fail', (input) => {
    updateApiKeysStep(input.update);
    linkSalesChannelsToApiKeyStep(input.link);
    fail();
    return new WorkflowResponse(input);
  });
  const update = { selector: { id: key.id }, update: { title: 'after' } };
  const link = { id: key.id, add: [channel.id] };
  await assert.rejects(runner(workflow).run({ input: { update, link } }), { message: 'a later step fails' });
  const { data } = await query.graph({ entity: 'api_key', fields: ['title', 'sales_channels.id'], filters: { id: key.id } });
  assert.deepEqual([data[0].title, data[0].sales_channels], ['before', []]);
});

test("a key's life through Medusa's admin API", async () => {
  const made = await call('POST', '/admin/api-keys', { ...admin, body: { title: 'over HTTP', type: 'secret' } });
  assert.equal(made.status, 200);
  const { id, token, created_by } = made.body.api_key;
  assert.match(created_by, /^apk_/, 'the key that made it is who made it');
  assert.equal((await records('over HTTP'))[0].id, id);

  const shown = await call('GET', `/admin/api-keys/${id}`, admin);
  assert.deepEqual([shown.body.api_key.token, shown.body.api_key.title], ['', 'over HTTP']);
  const listed = await call('GET', '/admin/api-keys?type=secret&q=http&limit=1&offset=0&order=-created_at', admin);
  assert.deepEqual([listed.body.count, listed.body.api_keys.map((key) => key.id)], [1, [id]]);
  const updated = await call('POST', `/admin/api-keys/${id}`, { ...admin, body: { title: 'renamed' } });
  assert.equal(updated.body.api_key.title, 'renamed');

  for (const credential of [token, Buffer.from(token).toString('base64'), Buffer.from(`${token}:`).toString('base64')]) {
    const headers = { authorization: `Basic ${credential}` };
    assert.equal((await call('GET', '/admin/api-keys', { headers })).status, 200);
  }
  const soon = await call('POST', `/admin/api-keys/${id}/revoke`, { ...admin, body: { revoke_in: 3600 } });
  assert.ok(new Date(soon.body.api_key.revoked_at) > new Date());
  assert.equal((await call('GET', '/admin/api-keys', { headers: { authorization: `Basic ${token}` } })).status, 200);
  const revoked = await call('POST', `/admin/api-keys/${id}/revoke`, { ...admin, body: {} });
  assert.ok(new Date(revoked.body.api_key.revoked_at) <= new Date());
  const refused = await call('GET', '/admin/api-keys', { headers: { authorization: `Basic ${token}` } });
  assert.deepEqual([refused.status, refused.body], [401, { message: 'Unauthorized' }]);
  const again = await call('POST', `/admin/api-keys/${id}/revoke`, { ...admin, body: {} });
  assert.deepEqual([again.status, again.body.type], [400, 'invalid_data']);
  assert.equal(again.body.message, 'There are 1 secret keys that are already revoked.');

  const deleted = await call('DELETE', `/admin/api-keys/${id}`, admin);
  assert.deepEqual(deleted.body, { id, object: 'api_key', deleted: true });
  const gone = await call('GET', `/admin/api-keys/${id}`, admin);
  assert.deepEqual([gone.status, gone.body.type], [404, 'not_found']);
});

test('a publishable key opens the store to its sales channels, and closes it when it is revoked', async () => {
  const key = await create('shop window', 'publishable');
  const [channel] = await container.resolve(Modules.SALES_CHANNEL).createSalesChannels([{ name: 'Web' }]);
  const linked = await call('POST', `/admin/api-keys/${key.id}/sales-channels`, { ...admin, body: { add: [channel.id] } });
  assert.deepEqual(linked.body.api_key.sales_channels, [{ id: channel.id, name: 'Web' }]);

  const store = (token) => call('GET', '/store/products', { headers: { 'x-publishable-api-key': token } });
  assert.equal((await store(key.token)).status, 200);
  const forged = `${key.token.slice(0, -1)}${key.token.endsWith('0') ? '1' : '0'}`;
  for (const bad of [forged, 'pk_0123456789abcdef', (await create('a secret')).token]) {
    const refused = await store(bad);
    assert.deepEqual([refused.status, refused.body.message], [400, 'A valid publishable key is required to proceed with the request']);
  }
  const { id } = await service.revoke(key.id, { revoked_by: 'usr_1' });
  assert.equal((await store(key.token)).status, 400);

  const secret = await create('no window');
  const refused = await call('POST', `/admin/api-keys/${secret.id}/sales-channels`, { ...admin, body: { add: [channel.id] } });
  assert.deepEqual([refused.status, refused.body.message], [400, 'Sales channels can only be associated with publishable API keys']);
  assert.equal((await call('DELETE', `/admin/api-keys/${id}`, admin)).status, 200);
  const { data } = await query.graph({ entity: 'publishable_api_key_sales_channel', fields: ['id'], filters: { publishable_key_id: id } });
  assert.deepEqual(data, [], 'links outlive their key');
});

test('the graph goes from keys to sales channels and back, filtered on either side', async () => {
  const [one, other] = [await create('graph one', 'publishable'), await create('graph other', 'publishable')];
  const [north, south] = await container.resolve(Modules.SALES_CHANNEL).createSalesChannels([{ name: 'North' }, { name: 'South' }]);
  const link = (key, channel) => ({
    [Modules.API_KEY]: { publishable_key_id: key.id },
    [Modules.SALES_CHANNEL]: { sales_channel_id: channel.id },
  });
  await container.resolve(ContainerRegistrationKeys.LINK).create([link(one, north), link(other, north), link(other, south)]);
  const graph = async (entity, fields, filters, pagination) => (await query.graph({ entity, fields, filters, pagination })).data;

  const keys = await graph('api_key', ['title', 'sales_channels.name'], { id: [one.id, other.id] });
  assert.deepEqual(keys.map((key) => [key.title, key.sales_channels.map(({ name }) => name).sort()]), [
    ['graph one', ['North']], ['graph other', ['North', 'South']],
  ]);
  const channels = await graph('sales_channel', ['name', 'publishable_api_keys.title'], { id: [north.id, south.id] });
  assert.deepEqual(channels.map((channel) => [channel.name, channel.publishable_api_keys.map(({ title }) => title).sort()]).sort(), [
    ['North', ['graph one', 'graph other']], ['South', ['graph other']],
  ]);
  // Before, Medusa filtered by what is in the entity's own module alone.
  if (since('2.18.0')) {
    const southern = await graph('api_key', ['title'], { sales_channels: { name: 'South' } });
    assert.deepEqual(southern.map(({ title }) => title), ['graph other']);
    const ofOne = await graph('sales_channel', ['name'], { publishable_api_keys: { title: 'graph one' } });
    assert.deepEqual(ofOne.map(({ name }) => name), ['North']);
  }
  const page = await query.graph({ entity: 'api_key', fields: ['title'], filters: { q: 'graph' }, pagination: { skip: 1, take: 1 } });
  assert.deepEqual([page.data.map(({ title }) => title), page.metadata], [['graph other'], { skip: 1, take: 1, count: 2 }]);
});

test('keys that are known are verified while the issuer is away', async () => {
  const secret = await create('known');
  const window = await create('known window', 'publishable');
  const headers = { authorization: `Basic ${secret.token}` };
  assert.equal((await call('GET', '/admin/sales-channels', { headers })).status, 200);
  await issuer.server.stop();
  assert.equal((await call('GET', '/admin/sales-channels', { headers })).status, 200);
  const store = await call('GET', '/store/products', { headers: { 'x-publishable-api-key': window.token } });
  assert.ok(store.body.type !== 'not_allowed', JSON.stringify(store.body));
  assert.equal((await call('GET', '/admin/api-keys', { headers })).status, 200);
});
