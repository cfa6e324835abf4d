// What fails beside a verdict, in real workerd: the short way through the gate, and a rate limiter
// that does not answer.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { startGate } from './support/gate.mjs';
import { listen, read, startOrigin } from './support/http.mjs';
import { startIssuer } from './support/issuer.mjs';
import { until } from './support/processes.mjs';

let issuer, origin;
before(async () => ([issuer, origin] = await Promise.all([startIssuer(), startOrigin()])));

const settings = (changes = {}) => ({
  ISSUER_URL: issuer.url,
  ORIGIN_URL: origin.url,
  ROOT: issuer.root,
  HMAC_KEYS: issuer.gateKeys,
  ...changes,
});

// The module as it is, but that the call which judges at a glance breaks down on one path.
const BREAKS_DOWN = `
import Gate, { Hot as Real } from './real.js';
export default Gate;
export const Hot = {
  glance(asked, now) {
    if (asked.includes('/trap')) throw new WebAssembly.RuntimeError('unreachable');
    return Real.glance(asked, now);
  },
  origin: () => Real.origin(),
  unreachable: (reason) => Real.unreachable(reason),
  wake: () => { console.log('woken'); Real.wake(); },
};`;

test('a glance that breaks down lets nothing pass: the handler judges, and the next glance is whole', async () => {
  const gate = await startGate(settings(), { around: BREAKS_DOWN });
  const [good, bad] = [await issuer.create(), await issuer.create()];
  await until('the gate is open', async () => (await gate.ask(bad.token)).status === 200);
  await issuer.revokeByApi(bad.id);
  await until('the gate refuses', async () => (await gate.ask(bad.token)).status === 401);
  for (let turn = 0; turn < 3; turn++) {
    assert.equal((await gate.ask(good.token, { path: '/trap' })).status, 200);
    assert.equal((await gate.ask(bad.token, { path: '/trap' })).status, 401);
    assert.equal((await gate.ask(undefined, { path: '/trap' })).status, 401);
    assert.equal((await gate.ask(good.token)).status, 200);
    assert.equal((await gate.ask(bad.token)).status, 401);
  }
  await gate.says('woken');
});

test('a body keeps its length, and the origin learns of no header that the client made up', async () => {
  const seen = [];
  const strict = await listen(async (incoming, outgoing) => {
    seen.push({ headers: incoming.headers, body: (await read(incoming)).toString() });
    outgoing.end('ok');
  });
  const gate = await startGate(settings({ ORIGIN_URL: strict.url }));
  const { token } = await issuer.create();
  await until('the gate is open', async () => (await gate.ask(token)).status === 200);
  const headers = { 'content-type': 'text/plain', 'content-length': '5', portcullis_owner: '1', 'Portcullis-New': 'x' };
  for (let turn = 0; turn < 3; turn++) {
    seen.length = 0;
    assert.equal((await gate.ask(token, { method: 'POST', headers, body: 'hello' })).status, 200);
    const [asked] = seen;
    assert.deepEqual([asked.body, asked.headers['content-length']], ['hello', '5']);
    assert.equal(asked.headers['transfer-encoding'], undefined);
    assert.equal(asked.headers.authorization, undefined);
    assert.ok(asked.headers['portcullis-key']);
    for (const name of ['portcullis_owner', 'portcullis-new']) assert.equal(asked.headers[name], undefined, name);
  }
});

const HANGS = `(name = "limiter", worker = (
  modules = [(name = "limiter.js", esModule =
    "import { WorkerEntrypoint } from 'cloudflare:workers';\\nexport class Limiter extends WorkerEntrypoint { async limit() { await new Promise((done) => setTimeout(done, 20000)); return { success: false }; } }\\nexport default { fetch() { return new Response(null); } };")],
  compatibilityDate = "2026-04-01",
)),`;

test('a rate limiter that hangs holds no request beyond the deadline, and the log says so', async () => {
  const classes = { '*': { limit: 1, period: 10, binding: 'LIMITER' } };
  const gate = await startGate(settings({ RATE_CLASSES: JSON.stringify(classes), DEADLINE_MS: '200' }), {
    services: [HANGS],
    bindings: ['(name = "LIMITER", service = (name = "limiter", entrypoint = "Limiter")),'],
  });
  const { token } = await issuer.create();
  await until('the gate is open', async () => (await gate.ask(token)).status === 200);
  const start = Date.now();
  assert.equal((await gate.ask(token)).status, 200);
  // It would hang for 20 s.
  assert.ok(Date.now() - start < 10_000);
  await gate.says('rate_limiter_failed');
});
