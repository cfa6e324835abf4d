// A shop switches from Medusa's own API Key Module to `portcullis/medusa` by the steps of
// docs/medusa-switching.md, with traffic running, and back.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { run, start, temporaryFolder, until } from '../e2e/support/processes.mjs';
import { command } from './old-shop.mjs';
import { database, issuerFor } from './support.mjs';
import { admin, balancer, shopper, storefront, traffic } from './switching-traffic.mjs';

const require = createRequire(import.meta.url);
const FOLDER = fileURLToPath(new URL('shop/', import.meta.url));
const MEDUSA = fileURLToPath(new URL('node_modules/.bin/medusa', import.meta.url));
const DAY = 86_400_000;

test('a shop is switched over, and back, and no request fails', async () => {
  const [issuer, url] = await Promise.all([issuerFor(), database('switching')]);
  const { options } = issuer;
  const base = {
    DATABASE_URL: url,
    PORTCULLIS_URL: options.url,
    PORTCULLIS_ADMIN_KEY: options.adminKey,
    PORTCULLIS_ROOT: options.root,
    PORTCULLIS_SECRETS: JSON.stringify(options.secrets),
    MEDUSA_DISABLE_TELEMETRY: 'true',
    LOG_LEVEL: 'error',
    NODE_ENV: 'production',
  };
  const script = async (args, env = {}) => {
    const result = await run(process.execPath, args, { cwd: FOLDER, env: { ...base, ...env } });
    assert.equal(result.code, 0, result.stdout + result.stderr);
    return result.stdout;
  };
  const serve = async (env) => {
    const served = await start(process.execPath, [join(FOLDER, 'serve.js')], { env: { ...base, ...env }, ready: (told) => told.match(/^port (\d+)/m)?.[1] });
    return { ...served, port: Number(served.value), stop: (signal) => served.stop(signal) };
  };
  const folder = await temporaryFolder();
  const report = join(folder, 'keys.jsonl');
  const cli = async (...args) => {
    const { code, stdout, stderr } = await command([...args, '--json'], { url, issuer, cwd: FOLDER });
    assert.equal(code, 0, stdout + stderr);
    return JSON.parse(stdout);
  };

  await script([MEDUSA, 'db:migrate', '--skip-scripts']);
  const seeded = JSON.parse((await script(['seed.js'])).match(/^seeded (.*)$/m)[1]);
  const { keys } = seeded;
  const old = Object.fromEntries(keys.map((key) => [key.title, key]));
  const [way, before] = [await balancer(), { MODULE: 'medusa' }];
  let processes = await Promise.all([serve(before), serve(before)]);
  const inTurn = () => way.to(processes.map(({ port }) => port));
  inTurn();
  const all = traffic(way.url);
  /** One process after the other: the new one serves before the old one ends. */
  const rolling = async (env) => {
    const fresh = await Promise.all(processes.map(() => serve(env)));
    for (const [at, next] of fresh.entries()) {
      const [ended] = processes.splice(at, 1, next);
      inTurn();
      // Both are in service side by side for a while.
      const seen = total(all);
      await until('requests pass', () => total(all) > seen + 20);
      await ended.stop();
    }
  };
  const clients = (name, texts) => {
    all.add(`${name} webshop`, storefront(texts.Webshop, ['Shirt']));
    all.add(`${name} shopper`, shopper(texts.Webshop, seeded));
    all.add(`${name} kiosk`, storefront(texts.Kiosk, ['Mug']));
    all.add(`${name} ERP`, admin(texts.ERP));
    all.add(`${name} keys`, admin(texts.ERP, '/admin/api-keys?limit=50'));
    all.add(`${name} courier`, admin(texts.Courier, '/admin/products?fields=title'));
  };
  clients('old', Object.fromEntries(keys.map(({ title, token }) => [title, token])));

  all.phase('migrate');
  const preview = await cli('migrate');
  // Medusa's own default key is one of them.
  assert.deepEqual(preview.to_make.map(({ title }) => title).sort(), ['Courier', 'Default Publishable API Key', 'ERP', 'Kiosk', 'Leaked', 'Webshop']);
  const { made } = await cli('migrate', '--yes', '--report', report);
  const texts = Object.fromEntries((await readFile(report, 'utf8')).trim().split('\n').map((line) => JSON.parse(line)).map((line) => [line.title, line.token]));
  const newId = Object.fromEntries(made.map(({ title, new_id }) => [title, new_id]));

  // A client changes early, while all processes run Medusa's module.
  all.phase('the rolling restart');
  all.add('early courier', admin(texts.Courier));
  all.add('early kiosk', storefront(texts.Kiosk, ['Mug']));
  const inADay = new Date(Date.now() + DAY).toISOString();
  await rolling({ MODULE: 'portcullis', FALLBACK_UNTIL: inADay });

  all.phase('migrate again');
  assert.deepEqual((await cli('migrate', '--yes', '--report', report)).made, []);

  all.phase('clients change');
  clients('new', texts);
  await until('new keys are used', () => (all.counts['new courier'] ?? 0) > 5);
  await all.end((name) => ['old courier', 'old webshop', 'old shopper'].includes(name));
  const linked = await fetch(`${way.url}/admin/sales-channels?fields=name,publishable_api_keys.id&limit=50`, { headers: { authorization: `Basic ${texts.ERP}` } });
  const { sales_channels } = await linked.json();
  const webshop = sales_channels.find(({ name }) => name === 'Webshop').publishable_api_keys.map((key) => key?.id);
  assert.deepEqual(webshop.sort(), [old.Webshop.id, newId.Webshop].sort(), 'links to keys that nobody knows');

  // Written every two seconds. Who no longer asks is no longer counted.
  const status = async () => Object.fromEntries((await cli('status')).keys.map((key) => [key.title, key]));
  const first = await until('uses of the ERP are counted', async () => {
    const now = await status();
    return now.ERP.uses > 0 && now.Courier.uses > 0 && now;
  });
  const later = await until('they go on', async () => {
    const now = await status();
    return now.ERP.uses > first.ERP.uses + 5 && now.Courier.uses === (await status()).Courier.uses && now;
  });
  assert.ok(later.ERP.last_used_at > later.Courier.last_used_at);
  assert.deepEqual([later.Leaked.uses, later.ERP.replaced_by, later['Default Publishable API Key'].uses], [0, newId.ERP, 0]);

  // Back, and to Portcullis again: both texts work on both sides.
  all.phase('rollback');
  assert.deepEqual([(await cli('rollback')).lost, (await cli('rollback', '--yes')).revoked], [[], []]);
  await rolling(before);
  await cli('rollback', '--yes');
  all.phase('the second switch');
  assert.deepEqual((await cli('migrate', '--yes', '--report', report)).made, []);

  // When the time is over, who still has an old key is refused, and the others are not.
  await all.end((name) => name.startsWith('old'));
  await rolling({ MODULE: 'portcullis', FALLBACK_UNTIL: new Date(Date.now() - 1_000).toISOString() });
  const refused = [];
  for (const key of keys) refused.push(await (key.type === 'secret' ? admin(key.token) : storefront(key.token, []))(way.url));
  assert.deepEqual(refused.map((problem) => problem?.slice(0, 3)), ['400', '400', '401', '401', '401']);
  all.phase('finish');
  await cli('finish', '--yes');
  const { Client } = require('pg');
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query('select publishable_key_id as id from publishable_api_key_sales_channel where deleted_at is null');
  await client.end();
  assert.deepEqual(rows.filter(({ id }) => keys.some((key) => key.id === id)), []);
  const seen = total(all);
  await until('requests pass', () => total(all) > seen + 20);

  await all.end();
  assert.deepEqual(all.failures, []);
  for (const [name, count] of Object.entries(all.counts)) assert.ok(count > 5, `${name} asked ${count} times`);
  for (const served of processes) await served.stop();
});

const total = ({ counts }) => Object.values(counts).reduce((sum, count) => sum + count, 0);
