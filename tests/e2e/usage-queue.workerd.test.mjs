// The gate and the queue of its reports on Cloudflare's own simulator of the platform: its broker
// batches, delivers and tries again; nothing here does that for it.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Miniflare } from 'miniflare';

import { startOrigin, startRelay } from './support/http.mjs';
import { portcullis, startIssuer } from './support/issuer.mjs';
import { atEnd, until } from './support/processes.mjs';

const WORKER = fileURLToPath(new URL('../../crates/gate-worker', import.meta.url));
const modules = [
  { type: 'ESModule', path: join(WORKER, 'entry.js') },
  { type: 'Data', path: join(WORKER, 'bundle.bin') },
  { type: 'ESModule', path: join(WORKER, 'build/index.js') },
  { type: 'CompiledWasm', path: join(WORKER, 'build/index_bg.wasm') },
];

test('uses reach the record through a broker, once the issuer takes them', async () => {
  const [issuer, origin] = await Promise.all([startIssuer(), startOrigin()]);
  const scopes = ['--scope', 'gates:read', '--scope', 'gates:report'];
  const made = await portcullis(issuer.home, ['keys', 'create', '--admin', ...scopes, '--title', 'Gate']);
  const relay = await startRelay(issuer.url);
  let refused = 0;
  let broken = true;
  relay.answer = (path, truth) => {
    if (path !== '/v1/usage' || !broken) return truth(path);
    refused++;
    return { status: 500 };
  };
  const miniflare = new Miniflare({
    name: 'gate',
    modulesRoot: WORKER,
    modules,
    compatibilityDate: '2026-04-01',
    cf: false,
    bindings: {
      ISSUER_URL: relay.url,
      ORIGIN_URL: origin.url,
      ROOT: issuer.root,
      ENVIRONMENT: 'live',
      FRESH_FOR: '1',
      HMAC_KEYS: issuer.gateKeys,
      GATE_KEY: made.token,
      REPORT_USAGE: 'true',
    },
    queueProducers: { USAGE_QUEUE: { queueName: 'usage' } },
    queueConsumers: { usage: { maxBatchTimeout: 0, maxRetries: 100 } },
  });
  atEnd(() => miniflare.dispose());
  const key = await issuer.create();
  const ask = () => miniflare.dispatchFetch('http://gate/', { headers: { authorization: `Bearer ${key.token}` } });
  await until('the gate knows the key', async () => (await ask()).status === 200);
  const { scheduled } = await miniflare.getWorker();
  assert.equal((await scheduled({ cron: '* * * * *' })).outcome, 'ok');
  await until('the issuer refuses a report', () => refused > 0);
  broken = false;
  // It comes again after ten seconds.
  const record = await until(
    'the uses reach the record',
    async () => {
      const shown = await issuer.cli(['keys', 'show', key.id]);
      return shown.uses > 0 && shown;
    },
    40,
  );
  assert.equal(record.uses, 1);
});
