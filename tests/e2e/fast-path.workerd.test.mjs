// Failures during a verdict, in real workerd: the gate's fast path throws, and a rate limiter does not
// answer.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { startGate } from './support/gate.mjs';
import { listen, read, startOrigin } from './support/http.mjs';
import { startIssuer } from './support/issuer.mjs';
import { until } from './support/processes.mjs';
import { identityOf } from './support/identity-header.mjs';

let issuer, origin;
before(async () => ([issuer, origin] = await Promise.all([startIssuer(), startOrigin()])));

const settings = (changes = {}) => ({
  ISSUER_URL: issuer.url,
  ORIGIN_URL: origin.url,
  ROOT: issuer.root,
  HMAC_KEYS: issuer.gateKeys,
  ...changes,
});

// The module as it is, but that a call which it makes on the fast path breaks down once it
// is told to: no code of the module's runs after that, so what it held stays held, as after a trap.
const BREAKS_DOWN = `
import { arm } from './traps.js';
import Gate, { FastPath as Real } from './real.js';
export default Gate;
export const FastPath = {
  plan(asked, now) {
    arm(asked.includes('/trap'));
    try {
      return Real.plan(asked, now);
    } finally {
      arm(false);
    }
  },
  origin: () => Real.origin(),
  unreachable: (...given) => Real.unreachable(...given),
  rule: (name) => Real.rule(name),
  needs_peer: () => Real.needs_peer(),
  sender: () => Real.sender(),
  wake: () => { console.log('woken'); Real.wake(); },
};`;
// Evaluated before the module is instantiated: each of its instances calls the runtime through this.
const TRAPS = `
let armed = false;
export const arm = (now) => { armed = now; };
const { Instance } = WebAssembly;
WebAssembly.Instance = function (module, imports) {
  const watched = {};
  for (const [from, calls] of Object.entries(imports)) {
    watched[from] = {};
    for (const [name, call] of Object.entries(calls)) {
      watched[from][name] = typeof call !== 'function' ? call : (...given) => {
        if (armed && name.includes('planOf')) {
          console.log('trapped');
          throw new WebAssembly.RuntimeError('unreachable');
        }
        return call(...given);
      };
    }
  }
  return new Instance(module, watched);
};`;

test('a glance that breaks down lets nothing pass that is bad, then or later, and the gate comes back', async () => {
  const gate = await startGate(settings(), { around: BREAKS_DOWN, beside: { 'traps.js': TRAPS } });
  const [good, bad] = [await issuer.create(), await issuer.create()];
  await until('the gate is open', async () => (await gate.ask(bad.token)).status === 200);
  await issuer.revokeByApi(bad.id);
  await until('the gate refuses', async () => (await gate.ask(bad.token)).status === 401);
  for (let turn = 1; turn <= 3; turn++) {
    // A text that is new is handed to the runtime, which is where the call breaks down.
    const { token } = await issuer.create();
    await until('a new key passes a glance, but for the trap', async () => {
      await gate.ask(token, { path: '/trap' });
      return gate.log.split('trapped').length > turn;
    });
    assert.notEqual((await gate.ask(bad.token, { path: '/trap' })).status, 200);
    assert.notEqual((await gate.ask(bad.token)).status, 200);
    assert.notEqual((await gate.ask(undefined)).status, 200);
    await until('the gate is back', async () => (await gate.ask(good.token)).status === 200);
    assert.equal((await gate.ask(bad.token)).status, 401);
    assert.equal((await gate.ask(token)).status, 200);
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
  const headers = { 'content-type': 'text/plain', 'content-length': '5', 'Portcullis-New': 'x', 'Portcullis-': 'x' };
  for (let turn = 0; turn < 3; turn++) {
    seen.length = 0;
    assert.equal((await gate.ask(token, { method: 'POST', headers, body: 'hello' })).status, 200);
    const [asked] = seen;
    assert.deepEqual([asked.body, asked.headers['content-length']], ['hello', '5']);
    assert.equal(asked.headers['transfer-encoding'], undefined);
    assert.equal(asked.headers.authorization, undefined);
    assert.ok(identityOf(asked.headers).key);
    for (const name of ['portcullis-new', 'portcullis-']) assert.equal(asked.headers[name], undefined, name);
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
