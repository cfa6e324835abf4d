// The client has a method for every operation of docs/openapi.json, and calls it at the right address.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createIssuer } from '../js/issuer/client.js';

const { paths } = JSON.parse(readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8'));

const ACTS = {
  create_admin: (issuer) => issuer.admins.create({ title: 't', scopes: [] }),
  list_events: (issuer) => issuer.events.list({ type: 't' }).page(),
  follow_events: (issuer) => issuer.events.follow({ type: 't', after: 1 }).next(),
  show_keyring: (issuer) => issuer.keyring.show(),
  show_labels: (issuer) => issuer.keyring.labels(),
  list_keys: (issuer) => issuer.keys.list({ q: 't', limit: 1 }).page(),
  create_keys: (issuer) => issuer.keys.create({ title: 't' }),
  upsert_keys: (issuer) => issuer.keys.upsert({ title: 't' }),
  authenticate_key: (issuer) => issuer.keys.authenticate('t'),
  delete_keys: (issuer) => issuer.keys.deleteMany(['1']),
  import_keys: (issuer) => issuer.keys.import(''),
  revoke_keys: (issuer) => issuer.keys.revokeMany({ ids: ['1'], wait: 1 }),
  undo_keys: (issuer) => issuer.keys.undoMany(['1']),
  delete_key: (issuer) => issuer.keys.delete('1'),
  show_key: (issuer) => issuer.keys.get('1'),
  update_key: (issuer) => issuer.keys.update('1', { title: 't' }),
  resume_key: (issuer) => issuer.keys.resume('1'),
  revoke_key: (issuer) => issuer.keys.revoke('1', { wait: 1 }),
  roll_key: (issuer) => issuer.keys.roll('1'),
  change_sales_channels: (issuer) => issuer.keys.changeSalesChannels('1', { add: [] }),
  suspend_key: (issuer) => issuer.keys.suspend('1'),
  undo_key: (issuer) => issuer.keys.undo('1'),
  show_list: (issuer) => issuer.list.show(),
  publish_list: (issuer) => issuer.list.publish(),
  list_owners: (issuer) => issuer.owners.list({ external_id: 't' }).page(),
  create_owner: (issuer) => issuer.owners.create({ name: 't' }),
  delete_owner: (issuer) => issuer.owners.delete(1),
  show_owner: (issuer) => issuer.owners.get(1),
  update_owner: (issuer) => issuer.owners.update(1, { name: 't' }),
  list_policies: (issuer) => issuer.policies.list({ visibility: 'public' }).page(),
  create_policy: (issuer) => issuer.policies.create({ name: 't', visibility: 'public' }),
  delete_policy: (issuer) => issuer.policies.delete(1),
  show_policy: (issuer) => issuer.policies.get(1),
  update_policy: (issuer) => issuer.policies.update(1, { name: 't' }),
  list_bulk_revocations: (issuer) => issuer.bulkRevocations.list(),
  create_bulk_revocation: (issuer) => issuer.bulkRevocations.create({ owner: 1, wait: 1 }),
  lift_bulk_revocation: (issuer) => issuer.bulkRevocations.lift(1, { wait: 1 }),
  show_settings: (issuer) => issuer.settings.show(),
  change_settings: (issuer) => issuer.settings.change({ reason_required: true }),
  report_usage: (issuer) => issuer.usage.report([{ key: 'apk_1', last_used_at: 1, uses: 1 }]),
  verify_key: (issuer) => issuer.verify('t'),
  list_webhooks: (issuer) => issuer.webhooks.list(),
  create_webhook: (issuer) => issuer.webhooks.create({ url: 'https://example.com' }),
  delete_webhook: (issuer) => issuer.webhooks.delete('1'),
  show_webhook: (issuer) => issuer.webhooks.get('1'),
  update_webhook: (issuer) => issuer.webhooks.update('1', {}),
  list_deliveries: (issuer) => issuer.webhooks.deliveries('1', { state: 'dead' }).page(),
  replay_webhook: (issuer) => issuer.webhooks.replay('1', { dead: true }),
  rotate_webhook_secret: (issuer) => issuer.webhooks.rotateSecret('1'),
};
// Operations that repeat another one.
const OTHER_SPELLINGS = new Set(['update_key_by_post']);

const EVENT = new TextEncoder().encode('data: {"id":1}\n\n');

test('every operation has its act, and every act its operation', async () => {
  const described = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })),
  );
  const names = described.map(({ operationId }) => operationId).filter((name) => !OTHER_SPELLINGS.has(name));
  assert.deepEqual(Object.keys(ACTS).sort(), names.sort());

  for (const { operationId, method, path, parameters = [], requestBody } of described) {
    if (OTHER_SPELLINGS.has(operationId)) continue;
    let asked;
    const fetch = async (address, init) => {
      asked = { ...init, address: new URL(address) };
      const stream = path.endsWith('/stream');
      return new Response(stream ? EVENT : '{}', { headers: { 'content-type': stream ? 'text/event-stream' : 'application/json' } });
    };
    // The response is a dummy: only the request is checked.
    await ACTS[operationId](createIssuer({ url: 'https://issuer.example/base', adminKey: 'k', fetch })).catch(() => {});
    assert.equal(asked.method, method, operationId);
    assert.equal(asked.address.pathname, `/base${path.replace(/\{\w+\}/g, '1')}`, operationId);
    const known = parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name);
    for (const name of asked.address.searchParams.keys()) assert.ok(known.includes(name), `${operationId}: ?${name}`);
    // The body of an import is a file, so the description has no schema for it.
    const described = requestBody !== undefined || operationId === 'import_keys';
    assert.equal(asked.body !== undefined, described, `${operationId}: a body`);
    assert.equal(asked.headers.authorization, 'Bearer k');
  }
});
