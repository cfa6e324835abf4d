// The module without its options: a database migration works without them, because its job has no admin key, and a
// shop does not start.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { run } from '../e2e/support/processes.mjs';
import { database } from './support.mjs';

const require = createRequire(import.meta.url);
const { ApiKeyModuleService } = require('portcullis/medusa');

const MEDUSA = fileURLToPath(new URL('node_modules/.bin/medusa', import.meta.url));
const cwd = fileURLToPath(new URL('app/', import.meta.url));
const by = { revoked_by: 'usr_1' };
const whole = { url: 'https://keys.example', adminKey: 'sk_live_x', root: 'A'.repeat(43) };
const CALLS = {
  createApiKeys: (api) => api.createApiKeys({ title: 'a', type: 'secret', created_by: 'u' }),
  upsertApiKeys: (api) => api.upsertApiKeys({ title: 'a', type: 'secret', created_by: 'u' }),
  updateApiKeys: (api) => api.updateApiKeys('apk_1', { title: 'b' }),
  retrieveApiKey: (api) => api.retrieveApiKey('apk_1'),
  listApiKeys: (api) => api.listApiKeys(),
  listAndCountApiKeys: (api) => api.listAndCountApiKeys(),
  revoke: (api) => api.revoke('apk_1', by),
  deleteApiKeys: (api) => api.deleteApiKeys('apk_1'),
  undoCreateApiKeys: (api) => api.undoCreateApiKeys('apk_1'),
  softDeleteApiKeys: (api) => api.softDeleteApiKeys('apk_1'),
  restoreApiKeys: (api) => api.restoreApiKeys('apk_1'),
  authenticate: (api) => api.authenticate('sk_live_x'),
};

test('a service whose options are missing is made, and refuses each call with what is missing', async () => {
  const { adminKey: _, ...others } = whole;
  const cases = [[undefined, 'url'], [{}, 'url'], [{ ...whole, url: undefined }, 'url'], [others, 'adminKey'], [{ ...whole, adminKey: '' }, 'adminKey'], [{ ...whole, root: '' }, 'root']];
  for (const [options, name] of cases) {
    const warnings = [];
    const api = new ApiKeyModuleService({ logger: { warn: (text) => warnings.push(text) } }, options);
    for (const call of Object.values(CALLS)) {
      await assert.rejects(call(api), (error) => error.message.startsWith(`portcullis/medusa: \`${name}\` is not set: `));
    }
    await api.__hooks.onApplicationStart();
    await api.__hooks.onApplicationShutdown();
    assert.match(warnings.join(), new RegExp(`\`${name}\` is not set`));
  }
});

test('what is wrong is told at once, missing options or not', () => {
  for (const options of [{ adminkey: 'x' }, { ...whole, url: 7 }, { owner: 'me' }, { authenticate: 'never' }, null]) {
    assert.throws(() => new ApiKeyModuleService({}, options), TypeError);
  }
  // Verified online, there is no root.
  assert.ok(new ApiKeyModuleService({}, { url: whole.url, adminKey: whole.adminKey, authenticate: 'online' }));
});

test('medusa db:migrate works, its scripts included, and the application does not start', async () => {
  const env = {
    DATABASE_URL: await database('unset'),
    MEDUSA_DISABLE_TELEMETRY: 'true',
    NODE_ENV: 'production',
    // As a job's environment without secrets has them.
    PORTCULLIS_URL: '', PORTCULLIS_ADMIN_KEY: '', PORTCULLIS_ROOT: '', PORTCULLIS_SECRETS: '',
  };
  const migrated = await run(process.execPath, [MEDUSA, 'db:migrate'], { cwd, env });
  assert.equal(migrated.code, 0, migrated.stdout + migrated.stderr);
  assert.match(migrated.stdout, /Migration scripts completed|No pending migration scripts/);
  assert.doesNotMatch(migrated.stdout + migrated.stderr, /^error/m);
  const started = `require('@medusajs/medusa/loaders/index').default({ directory: process.cwd(), expressApp: require('express')() })
    .then(() => process.exit(0), (error) => { console.error(error.message); process.exit(7); })`;
  const shop = await run(process.execPath, ['-e', started], { cwd, env: { ...env, LOG_LEVEL: 'error' } });
  assert.notEqual(shop.code, 0);
  assert.match(shop.stdout + shop.stderr, /portcullis\/medusa: `url` is not set/);
});
