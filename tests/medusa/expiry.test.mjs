// Keys that expire: until then Medusa shows them as live, and from then on every lookup refuses them.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { atEnd, until } from '../e2e/support/processes.mjs';
import { database, issuerFor } from './support.mjs';

const require = createRequire(import.meta.url);
const { MedusaApp } = require('@medusajs/framework/modules-sdk');
const { ContainerRegistrationKeys, Modules } = require('@medusajs/framework/utils');

const HOUR = 3_600_000;
const by = { revoked_by: 'usr_1' };
const KINDS = ['secret', 'publishable'];
const VALIDITY = { select: ['id', 'token', 'revoked_at'] };

let issuer;
let api;
let query;
before(async () => {
  issuer = await issuerFor();
  // Medusa looks for modules from here.
  process.chdir(fileURLToPath(new URL('.', import.meta.url)));
  const app = await MedusaApp({
    modulesConfig: {
      [Modules.API_KEY]: { resolve: 'portcullis/medusa', options: { ...issuer.options, refreshEvery: 50, undoWithin: 0 } },
    },
    sharedResourcesConfig: { database: { clientUrl: await database('expiry'), driverOptions: { connection: { ssl: false } } } },
  });
  api = app.modules[Modules.API_KEY];
  query = app.query;
  await app.onApplicationStart();
  atEnd(async () => {
    await app.onApplicationShutdown();
    // The module keeps its copy by the connection that all modules share.
    await app.sharedContainer.resolve(ContainerRegistrationKeys.PG_CONNECTION).context.destroy();
  });
});

const make = (type, expires_at, title = 'expiring') => api.createApiKeys({ title, type, created_by: 'usr_1', expires_at });
// Whole seconds, as keys have them.
const inAn = (millis) => new Date(Math.ceil((Date.now() + millis) / 1000) * 1000);
// What Medusa's dashboard goes by: what has a revoked_at is revoked, and can be deleted.
const dashboard = ({ revoked_at }) => (revoked_at === null ? ['active', 'revoke'] : ['revoked', 'delete']);
const validity = async (token) => (await api.listApiKeys({ token, type: 'publishable' }, VALIDITY))[0];

for (const type of KINDS) {
  test(`a ${type} key that expires in an hour is live, and says when it ends`, async () => {
    const end = inAn(HOUR);
    const made = await make(type, end);
    const rows = [made, await api.retrieveApiKey(made.id), (await api.listApiKeys({ id: made.id }))[0], (await api.listAndCountApiKeys({ id: made.id }))[0][0]];
    if (type === 'secret') rows.push(await api.authenticate(made.token));
    for (const row of rows) assert.deepEqual([row.revoked_at, row.revoked_by, row.expires_at], [null, null, end]);
    assert.deepEqual(dashboard(made), ['active', 'revoke']);

    const revoked = await api.revoke(made.id, by);
    assert.ok(revoked.revoked_at <= new Date());
    assert.deepEqual([revoked.revoked_by, revoked.expires_at, dashboard(revoked)], ['usr_1', end, ['revoked', 'delete']]);
    await api.deleteApiKeys(made.id);
    await assert.rejects(api.retrieveApiKey(made.id), { type: 'not_found' });
  });

  test(`a ${type} key is refused once it has expired, is shown as revoked then, and can be deleted`, async () => {
    const end = inAn(1_500);
    const { id, token } = await make(type, end);
    const row = await until('it has expired', async () => {
      const found = await api.retrieveApiKey(id);
      return found.revoked_at === null ? undefined : found;
    });
    assert.deepEqual([row.revoked_at, row.revoked_by, row.expires_at], [end, null, end]);
    assert.ok(row.revoked_at <= new Date());
    assert.equal(await api.authenticate(token), false);
    if (type === 'publishable') assert.deepEqual((await validity(token)).revoked_at, end);
    await api.deleteApiKeys(id);
    await assert.rejects(api.retrieveApiKey(id), { type: 'not_found' });
  });

  test(`a revocation of a ${type} key that is scheduled for after its end does not keep it alive`, async () => {
    const end = inAn(1_500);
    const { id, token } = await make(type, end);
    const scheduled = await api.revoke(id, { ...by, revoke_in: 3600 });
    assert.ok(scheduled.revoked_at > end);
    await until('it has expired', async () => (await api.retrieveApiKey(id)).revoked_at <= new Date());
    assert.equal(await api.authenticate(token), false);
    await api.deleteApiKeys(id);
  });

  test(`a ${type} key that is suspended is refused, shown as revoked, and can be revoked and deleted`, async () => {
    const { id, token } = await make(type);
    await issuer.api('POST', `/v1/keys/${id}/suspend`, { by: 'security' });
    const row = await api.retrieveApiKey(id);
    assert.ok(row.revoked_at <= new Date(Date.now() + 1000));
    assert.deepEqual([row.revoked_by, row.expires_at], ['security', null]);
    assert.equal((await api.revoke(id, by)).id, id);
    assert.equal(await api.authenticate(token), false);
    await api.deleteApiKeys(id);
    const other = await make(type);
    await issuer.api('POST', `/v1/keys/${other.id}/suspend`, {});
    await until('the second is over', async () => (await api.retrieveApiKey(other.id)).revoked_at <= new Date());
    await api.deleteApiKeys(other.id);
    await assert.rejects(api.retrieveApiKey(other.id), { type: 'not_found' });
  });
}

test('a live key that expires is not deleted unrevoked', async () => {
  const { id } = await make('secret', inAn(HOUR));
  await assert.rejects(api.deleteApiKeys(id), { type: 'not_allowed', message: `Cannot delete api keys that are not revoked - ${id}` });
  await api.undoCreateApiKeys(id);
});

test('the row by which Medusa verifies a request, and which it may cache, has the end as its revoked_at', async () => {
  const end = inAn(HOUR);
  const { id, token } = await make('publishable', end);
  assert.deepEqual(await validity(token), { id, token, revoked_at: end });
  // Asked of the issuer as well.
  const [{ revoked_at }] = await api.listApiKeys({ token: [token] }, { select: ['id', 'revoked_at'] });
  assert.deepEqual(revoked_at, end);
  const [shown] = await api.listApiKeys({ token }, { select: ['id', 'title', 'revoked_at', 'expires_at'] });
  assert.deepEqual([shown.revoked_at, shown.expires_at], [null, end]);
  await api.undoCreateApiKeys(id);
});

test('keys are looked for and sorted by their end', async () => {
  const [soon, late] = [inAn(HOUR), inAn(24 * HOUR)];
  const made = [await make('secret', late, 'late'), await make('secret', soon, 'soon'), await make('secret', null, 'never')];
  const id = made.map((key) => key.id);
  const titles = async (filters, config) => (await api.listApiKeys({ id, ...filters }, config)).map(({ title }) => title).sort();
  assert.deepEqual(await titles({ expires_at: { $lt: late } }), ['soon']);
  assert.deepEqual(await titles({ expires_at: { $gte: soon } }), ['late', 'soon']);
  assert.deepEqual(await titles({ expires_at: null }), ['never']);
  assert.deepEqual(await titles({ expires_at: { $ne: null } }), await titles({ expires_at: { $exists: true } }));
  assert.deepEqual(await titles({ revoked_at: null }), ['late', 'never', 'soon']);
  const sorted = await api.listApiKeys({ id }, { order: { expires_at: 'ASC' } });
  assert.deepEqual(sorted.map(({ title }) => title), ['soon', 'late', 'never']);

  const { data } = await query.graph({ entity: 'api_key', fields: ['title', 'expires_at'], filters: { id, expires_at: { $lt: late } } });
  assert.deepEqual(data.map(({ title, expires_at }) => [title, new Date(expires_at)]), [['soon', soon]]);
  await api.undoCreateApiKeys(id);
});
