// What surrounds the verdict, in real workerd: connections that outlive it, the gate's own pages,
// and what an isolate has before it has fetched anything.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { before, describe, test } from 'node:test';

import { startGate } from './support/gate.mjs';
import { fetchBytes, listen, recording, startOrigin, startRelay } from './support/http.mjs';
import { startIssuer } from './support/issuer.mjs';
import { until } from './support/processes.mjs';
import { startCache } from './support/stores.mjs';
import { identityOf } from './support/identity-header.mjs';
import { open, startEcho } from './support/websocket.mjs';

const WELL_KNOWN = '/.well-known/portcullis';
let issuer, origin;
before(async () => ([issuer, origin] = await Promise.all([startIssuer(), startOrigin()])));

const settings = (changes = {}) => ({
  ISSUER_URL: issuer.url,
  ORIGIN_URL: origin.url,
  ROOT: issuer.root,
  HMAC_KEYS: issuer.gateKeys,
  ...changes,
});

/** An origin whose answer never ends by itself. */
const startDrip = () =>
  listen((_, outgoing) => {
    outgoing.writeHead(200, { 'content-type': 'text/plain' });
    const timer = setInterval(() => outgoing.write('drip '), 50);
    outgoing.on('close', () => clearInterval(timer));
  });

/** Reads an answer as it comes. */
function follow(url, key) {
  return new Promise((resolve, reject) => {
    request(url, { headers: { authorization: `Bearer ${key}` } }, (response) => {
      const followed = { status: response.statusCode, text: '', over: false, end: () => response.destroy() };
      response.on('data', (data) => (followed.text += data));
      response.on('close', () => (followed.over = true));
      response.on('error', () => {});
      resolve(followed);
    })
      .on('error', reject)
      .end();
  });
}

describe('a connection that outlives the verdict', () => {
  test('streams as it comes, and ends where the route says when', async () => {
    const drip = await startDrip();
    const routes = [{ path: '/short', max_connection_age: 1 }, { path: '/**' }];
    const gate = await startGate(settings({ ORIGIN_URL: drip.url, ROUTES: JSON.stringify(routes) }));
    const { token } = await issuer.create();
    const long = await follow(`${gate.url}/long`, token);
    assert.equal(long.status, 200);
    await until('the first drops arrive', () => long.text.length >= 10);
    const short = await follow(`${gate.url}/short`, token);
    await until('the first drops arrive', () => short.text.length >= 5);
    await until('it is ended', () => short.over);
    assert.equal(long.over, false);
    long.end();
  });

  test('is a WebSocket: verified when it opens, ended with a code of its own', async () => {
    const echo = await startEcho();
    const routes = [{ path: '/short', max_connection_age: 1 }, { path: '/**' }];
    const gate = await startGate(settings({ ORIGIN_URL: echo.url, ROUTES: JSON.stringify(routes) }));
    const key = await issuer.create();
    const bearer = { authorization: `Bearer ${key.token}` };
    assert.equal((await open(`${gate.url}/long`, {})).status, 401);
    const long = await open(`${gate.url}/long`, bearer);
    assert.equal(long.status, 101);
    assert.equal(echo.upgrades[0].authorization, undefined);
    assert.equal(identityOf(echo.upgrades[0]).key, key.id);
    long.say('hello');
    await until('the echo comes', () => long.heard.includes('hello'));
    const short = await open(`${gate.url}/short`, bearer);
    short.say('hello');
    await until('the echo comes', () => short.heard.includes('hello'));
    await until('it is closed', () => short.closed !== undefined);
    assert.equal(short.closed, 4401);
    long.say('still here');
    await until('the echo comes', () => long.heard.includes('still here'));
    long.end();
  });
});

test('the gate has pages of its own, which never reach the origin', async () => {
  const gate = await startGate(settings());
  const ask = (path, key) => gate.ask(key, { path });
  const health = await until('the gate is ready', async () => {
    const answer = await ask('/.portcullis/health');
    return answer.status === 200 && answer;
  });
  assert.equal(health.text, 'ready\n');
  assert.equal(health.headers['x-origin'], undefined);
  const { token } = await issuer.create();
  assert.equal((await ask('/', token)).status, 200);
  assert.equal((await ask('/.portcullis/status')).status, 401);
  assert.equal((await ask('/.portcullis/status', token)).status, 401);
  await gate.refusedFor('signer_not_allowed');
  assert.equal((await ask('/.portcullis/elsewhere', token)).status, 404);
  const status = (await ask('/.portcullis/status', issuer.adminKey)).json;
  assert.equal(status.issuer, issuer.issuer);
  assert.equal(status.in_force, true);
  assert.ok(status.list.number >= 1 && status.list.age_ms >= 0);
  assert.equal(status.bounds.fresh_for_ms, 1_000);
  assert.equal(status.bounds.hard_ms, 300_000);
  assert.equal(status.sources[0].good, true);
  assert.ok(status.requests.passed >= 1);
  assert.ok(status.requests.refused.signer_not_allowed >= 1);
});

describe('an isolate that starts', () => {
  test('takes nothing older than what a neighbour kept in the cache', async () => {
    const cache = await startCache();
    const old = await recording(issuer.url);
    const doomed = await issuer.create();
    const first = await startGate(settings(), { cache });
    await until('it is open', async () => (await first.ask(doomed.token)).status === 200);
    await issuer.revoke(doomed.id);
    await until('it refuses', async () => (await first.ask(doomed.token)).status === 401);
    await until('the floor is kept', () => cache.messages.size === 1);
    const kept = cache.messages.values().next().value.length;
    await until('the newest floor is kept', () => cache.requests.length >= 3 && kept > 0);
    await first.stop();

    const relay = await startRelay(issuer.url);
    relay.answer = old;
    const second = await startGate(settings({ ISSUER_URL: relay.url }), { cache });
    assert.equal((await second.ask(doomed.token)).status, 503);
    await second.says('list_rollback');
    relay.answer = relay.honest;
    await until('it opens', async () => (await second.ask(doomed.token)).status === 401);
    await second.refusedFor('revoked');

    // Without a floor the old list is as good as any that is in force.
    relay.answer = old;
    const third = await startGate(settings({ ISSUER_URL: relay.url }));
    await until('it is misled', async () => (await third.ask(doomed.token)).status === 200);
  });

  test('goes on where the cache is late, failing, lying or gone', async () => {
    const { token } = await issuer.create();
    for (const fault of [
      () => new Promise(() => {}),
      () => ({ status: 500 }),
      () => ({ sent: { 'cf-cache-status': 'HIT' }, body: Buffer.from('PCZ nonsense') }),
      () => ({ sent: { 'cf-cache-status': 'HIT' }, endless: true }),
      () => undefined,
    ]) {
      const cache = await startCache();
      cache.fault = fault;
      const gate = await startGate(settings(), { cache });
      assert.equal((await gate.ask(token)).status, 200);
      await gate.stop();
    }
  });

  test('has the list that was deployed with it', async () => {
    const key = await issuer.create();
    const revoked = await issuer.create();
    await issuer.revoke(revoked.id);
    const { body: bundle } = await fetchBytes(issuer.url, `${WELL_KNOWN}/bundle`);
    const relay = await startRelay(issuer.url);
    relay.answer = relay.down;
    const gate = await startGate(settings({ ISSUER_URL: relay.url }), { bundle });
    assert.equal((await gate.ask(key.token)).status, 200, 'it needs nobody while its stamp is in force');
    assert.equal((await gate.ask(revoked.token)).status, 401);
    relay.answer = relay.honest;
    const later = await issuer.create();
    await issuer.revoke(later.id);
    await until('it goes on from there', async () => (await gate.ask(later.token)).status === 401);
    await gate.refusedFor('revoked');
  });

  test('does without a deployed list that is nonsense, and says so', async () => {
    const { token } = await issuer.create();
    const gate = await startGate(settings(), { bundle: Buffer.from('nonsense') });
    assert.equal((await gate.ask(token)).status, 200);
    await gate.says('floor_refused');
  });
});

test('a Worker of somebody else has it behind a service binding, as the example does', async () => {
  const example = await readFile(new URL('../../crates/gate-worker/examples/service-binding.js', import.meta.url), 'utf8');
  const front = `(name = "front", worker = (
    modules = [(name = "front.js", esModule = ${JSON.stringify(example)})],
    bindings = [(name = "GATE", service = "gate")],
    compatibilityDate = "2026-04-01")),`;
  const gate = await startGate(settings(), { front: 'front', services: [front] });
  const key = await issuer.create();
  const passed = await gate.ask(key.token, { path: '/orders', method: 'POST', body: 'hello' });
  assert.equal(passed.status, 200);
  assert.equal(identityOf(passed.json.headers).key, key.id);
  assert.deepEqual([passed.json.method, passed.json.url, passed.json.body], ['POST', '/orders', 'hello']);
  const refused = await gate.ask('sk_live_nonsense');
  assert.equal(refused.status, 401);
  assert.match(refused.headers.link, /rel="help"/);
  assert.equal((await gate.ask(undefined, { path: '/robots.txt' })).status, 200);
});
