// The gate as a library in a Rust Worker, in real workerd: the built example.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { startRustWorker } from './support/gate.mjs';
import { startOrigin } from './support/http.mjs';
import { startIssuer } from './support/issuer.mjs';
import { until } from './support/processes.mjs';
import { identityOf } from './support/identity-header.mjs';

let issuer, origin, gateKey, worker;

const settings = (changes = {}) => ({
  ISSUER_URL: issuer.url,
  ORIGIN_URL: origin.url,
  ROOT: issuer.root,
  HMAC_KEYS: issuer.gateKeys,
  GATE_KEY: gateKey,
  ...changes,
});

before(async () => {
  [issuer, origin] = await Promise.all([startIssuer(), startOrigin()]);
  gateKey = await issuer.gateKey();
  worker = await startRustWorker(settings());
});

async function keyWith(...rules) {
  const policy = await issuer.cli(['policies', 'create', '--name', `Policy ${rules.join(' ')}`, ...rules]);
  const { number: owner } = await issuer.cli(['owners', 'create', '--name', `Owner ${rules.join(' ')}`]);
  const key = await issuer.create('--policy', String(policy.number), '--owner', String(owner));
  return { ...key, policy: policy.number, owner };
}

test('it says who is calling, in its own words', async () => {
  const key = await keyWith('--scope', 'reports:*', '--scope', 'users:read');
  await until('the policy has come', async () => (await worker.ask(key.token, { path: '/whoami' })).status === 200);
  const { json, headers } = await worker.ask(key.token, { path: '/whoami?x=1' });
  const { list, ...who } = json;
  assert.deepEqual(who, {
    key: key.id,
    kind: 'secret',
    environment: 'live',
    owner: key.owner,
    policy: key.policy,
    scopes: ['reports:*', 'users:read'],
    sales_channels: [],
    freshness: 'fresh',
  });
  assert.ok(list >= 1);
  assert.equal(headers['x-origin'], undefined);
});

test('what it does not answer it passes on, without the key and with who is calling', async () => {
  const key = await issuer.create();
  await until('the Worker is open', async () => (await worker.ask(key.token)).status === 200);
  const asked = { path: '/orders?page=2', method: 'POST', body: 'hello', headers: { portcullis: 'key=apk_forged' } };
  const { status, json, headers } = await worker.ask(key.token, asked);
  assert.deepEqual([status, headers['x-origin']], [200, 'yes']);
  assert.deepEqual([json.method, json.url, json.body], ['POST', '/orders?page=2', 'hello']);
  assert.equal(identityOf(json.headers).key, key.id);
  assert.equal(json.headers.authorization, undefined);
  assert.equal((await worker.ask(key.token, { path: '/teapot' })).status, 418);
});

test('it asks a scope of a route of its own, and a key without it is told which', async () => {
  const [good, bad] = [await keyWith('--scope', 'reports:read'), await keyWith('--scope', 'reports:write')];
  for (const key of [good, bad]) {
    await until('the policy has come', async () => (await worker.ask(key.token, { path: '/whoami' })).status === 200);
  }
  const granted = await worker.ask(good.token, { path: '/reports', method: 'POST', body: 'of May' });
  assert.deepEqual([granted.status, granted.json], [200, { owner: good.owner, asked: 'of May', reports: [] }]);
  const denied = await worker.ask(bad.token, { path: '/reports' });
  assert.equal(denied.status, 403);
  assert.equal(denied.json.type, 'tag:portcullis,2026:insufficient_scope');
  assert.match(denied.headers['www-authenticate'], /error="insufficient_scope", scope="reports:read"/);
  await worker.refusedFor('scope_missing');
});

test('nobody comes in without a key, or with a bad one, whoever answers', async () => {
  for (const path of ['/', '/whoami', '/reports', '/orders']) {
    for (const key of [undefined, 'sk_live_nonsense']) {
      const { status, json } = await worker.ask(key, { path });
      assert.equal(status, 401, path);
      assert.match(json.type, /^tag:portcullis,2026:(no|invalid)_key$/);
    }
  }
});

test('a key that is revoked is refused on every route', async () => {
  const key = await issuer.create();
  await until('the key passes', async () => (await worker.ask(key.token, { path: '/whoami' })).status === 200);
  await issuer.revokeByApi(key.id);
  await until('it is refused', async () => (await worker.ask(key.token, { path: '/whoami' })).status === 401);
  await worker.refusedFor('revoked');
  assert.equal((await worker.ask(key.token, { path: '/orders' })).status, 401);
});

test('an open route has no caller, and grants no scope', async () => {
  const open = await startRustWorker(settings({ ROUTES: JSON.stringify([{ path: '/**', open: true }]) }));
  const { token } = await keyWith('--scope', 'reports:read');
  for (const key of [undefined, token]) {
    assert.equal((await open.ask(key, { path: '/whoami' })).json, null);
    assert.equal((await open.ask(key, { path: '/reports' })).status, 401);
    await open.refusedFor('no_key');
    assert.equal(identityOf((await open.ask(key, { path: '/orders' })).json.headers), undefined);
  }
});

test('its own answers count against a key, and say what is left', async () => {
  const limited = await startRustWorker(settings({ RATE_CLASSES: '{"*":{"limit":3,"period":3600}}' }));
  const { token } = await issuer.create();
  const first = await limited.ask(token, { path: '/whoami' });
  assert.deepEqual([first.status, first.headers.ratelimit], [200, '"default";r=2;t=1200']);
  const origins = await limited.ask(token, { path: '/orders' });
  assert.match(origins.headers.ratelimit, /^"default";r=1;t=\d+$/);
  const last = await limited.ask(token, { path: '/whoami' });
  assert.match(last.headers.ratelimit, /^"default";r=0;t=\d+$/);
  assert.equal((await limited.ask(token, { path: '/whoami' })).status, 429);
});

test('it has the pages of a gate, and lets nothing pass where a setting is wrong', async () => {
  assert.equal((await worker.ask(undefined, { path: '/.portcullis/health' })).text, 'ready\n');
  const { status, json } = await worker.ask(gateKey, { path: '/.portcullis/status' });
  assert.deepEqual([status, json.issuer], [200, issuer.issuer]);
  const wrong = await startRustWorker(settings({ FRESH_FOR: '0' }));
  const { token } = await issuer.create();
  for (const path of ['/', '/whoami', '/.portcullis/health']) {
    assert.equal((await wrong.ask(token, { path })).status, 503);
  }
  await wrong.says('FRESH_FOR');
});

// The constructor that the Worker makes its own answers with throws once it is told to, and the crate
// `worker` panics.
const PANICS = `
import Worker from './index.js';
const { Response } = globalThis;
let broken = false;
globalThis.Response = class extends Response {
  constructor(...given) {
    if (broken) throw new TypeError('broken');
    super(...given);
  }
};
export default {
  fetch(request, env, ctx) {
    broken = request.url.endsWith('?break');
    return new Worker(ctx, env).fetch(request);
  },
};`;

test('a panic in its own code lets nothing pass, then or later, and the Worker comes back', async () => {
  const breaking = await startRustWorker(settings(), PANICS);
  const [good, bad] = [await issuer.create(), await issuer.create()];
  await until('the Worker is open', async () => (await breaking.ask(bad.token, { path: '/whoami' })).status === 200);
  await issuer.revokeByApi(bad.id);
  await until('it refuses', async () => (await breaking.ask(bad.token, { path: '/whoami' })).status === 401);
  for (let turn = 1; turn <= 3; turn++) {
    assert.equal((await breaking.ask(good.token, { path: '/whoami?break' })).status, 500);
    await until('the log tells of the panic', () => breaking.log.split('panicked at').length > turn);
    assert.equal((await breaking.ask(bad.token, { path: '/whoami' })).status, 401);
    assert.equal((await breaking.ask(undefined, { path: '/whoami' })).status, 401);
    assert.equal((await breaking.ask(good.token, { path: '/whoami' })).status, 200);
  }
});
