// An origin behind a gate, in Node: the shared vectors, fetching the keyring, and assertions in place of
// keys in every middleware.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import test from 'node:test';
import express from 'express';
import Fastify from 'fastify';
import { Hono } from 'hono';
import { createAssertionVerifier, httpSource, PortcullisError } from 'portcullis/assertion';
import * as forExpress from 'portcullis/express';
import * as forFastify from 'portcullis/fastify';
import * as forFetch from 'portcullis/fetch';
import * as forHono from 'portcullis/hono';
import * as forNext from 'portcullis/next';
import { platform } from '../js/shared/platform.js';
import { expectedAssertion, vectors } from './assertions.mjs';
import { assertionOf, keyOf, keyringOf } from './assertion-files.mjs';
import { verifyAssertion } from './verify-assertion.mjs';
import { close, issuer, listen } from './support.mjs';

const fromCommonJs = createRequire(import.meta.url)('portcullis/assertion');
const native = platform.verifyEd25519;
const root = keyOf(1).text;
const audience = 'origin.example';
const NOW = 1_800_000_000_000;
const notAfter = NOW + 365 * 86_400_000;
const first = keyringOf({ notAfter, signers: [{ kid: 9, seed: 9 }] });
const second = keyringOf({ version: 2, notAfter, signers: [{ kid: 9, seed: 9, state: 4 }, { kid: 10, seed: 10 }] });

// Signatures verified by node:crypto, by WebCrypto and by the noble libraries; and the entry in CommonJS.
const ways = {
  'node:crypto': [native, createAssertionVerifier],
  WebCrypto: [undefined, createAssertionVerifier],
  noble: [() => undefined, createAssertionVerifier],
  CommonJS: [native, fromCommonJs.createAssertionVerifier],
};
for (const [way, [verifyEd25519, create]] of Object.entries(ways)) {
  test(`the shared vectors, by ${way}`, async (t) => {
    t.after(() => { platform.verifyEd25519 = native; });
    platform.verifyEd25519 = verifyEd25519;
    for (const vector of vectors) assert.deepEqual(await verifyAssertion(create, vector), expectedAssertion(vector), vector.name);
  });
}

test('each code of docs/assertion.md has a vector', () => {
  const codes = new Set(vectors.map(({ expect }) => expect.code ?? 'accepted'));
  assert.deepEqual([...codes].sort(), [
    'accepted', 'assertion_bad_signature', 'assertion_foreign_issuer', 'assertion_malformed', 'assertion_out_of_time',
    'assertion_signer_not_allowed', 'assertion_unreadable', 'assertion_wrong_audience',
  ]);
});

test('the header is taken from wherever a host has it', async () => {
  const verifier = createAssertionVerifier({ root, audience, keyring: first });
  const text = assertionOf({ at: NOW });
  const ask = async (input) => (await verifier.verify(input, { now: NOW })).code ?? 'ok';
  const headers = { 'portcullis-assertion': text };
  for (const input of [text, { headers }, { headers: new Headers(headers) }, new Request('https://a.example', { headers })]) {
    assert.equal(await ask(input), 'ok');
  }
  for (const input of [undefined, null, { headers: {} }, new Request('https://a.example'), {}, { headers: null }]) {
    assert.equal(await ask(input), 'assertion_missing');
  }
  const twice = new Headers(headers);
  twice.append('portcullis-assertion', text);
  for (const input of [{ headers: twice }, { headers: { 'portcullis-assertion': [text, text] } }, `${text} `]) {
    assert.equal(await ask(input), 'assertion_malformed');
  }
  for (const input of [7, true, Symbol('x'), () => text]) await assert.rejects(verifier.verify(input), TypeError);
});

test('no bit of an assertion can be changed, and none of it is told where it is refused', async () => {
  const verifier = createAssertionVerifier({ root, audience, keyring: first });
  const file = Buffer.from(assertionOf({ at: NOW, scopes: 'orders:read' }), 'base64url');
  for (let bit = 0; bit < file.length * 8; bit += 3) {
    const changed = Buffer.from(file);
    changed[bit >> 3] ^= 1 << (bit & 7);
    const verdict = await verifier.verify(changed.toString('base64url'), { now: NOW });
    assert.deepEqual(Object.keys(verdict), ['ok', 'code', 'message'], String(bit));
    assert.equal(verdict.ok, false);
  }
  for (let length = 0; length < file.length; length += 1) {
    assert.equal((await verifier.verify(file.subarray(0, length).toString('base64url'), { now: NOW })).ok, false);
  }
});

test('what was seen before is no good later, elsewhere, or under another keyring', async () => {
  const verifier = createAssertionVerifier({ root, audience: [audience, 'other.example'], keyring: first });
  const text = assertionOf({ at: NOW });
  const ask = async (now) => (await verifier.verify(text, { now })).code ?? 'ok';
  assert.equal(await ask(NOW), 'ok');
  assert.equal(await ask(NOW + 60_000), 'assertion_out_of_time');
  assert.equal(await ask(NOW + 59_999), 'ok');
  assert.equal((await verifier.verify(assertionOf({ at: NOW, audience: 'other.example' }), { now: NOW })).audience, 'other.example');
  assert.equal(verifier.adopt(second), true);
  assert.equal(await ask(NOW + 1), 'assertion_signer_not_allowed');
  assert.equal(verifier.adopt(second), false);
  assert.throws(() => verifier.adopt(first), { code: 'keyring_rollback' });
  const again = createAssertionVerifier({ root, audience, keyring: first });
  assert.equal((await again.verify(text, { now: NOW })).ok, true);
  again.adopt(keyringOf({ version: 2, notAfter, signers: [{ kid: 9, seed: 8 }] }));
  assert.equal((await again.verify(text, { now: NOW })).code, 'assertion_bad_signature');
});

test('callers can\'t change what the next one is told', async () => {
  const keyring = Buffer.from(first);
  const verifier = createAssertionVerifier({ root, audience, keyring });
  keyring.fill(0);
  const text = assertionOf({ at: NOW, scopes: 'orders:read', salesChannels: 'sc_1' });
  const ask = () => verifier.verify(text, { now: NOW });
  const verdict = await ask();
  verdict.grant.scopes.push('admin:all');
  verdict.key.owner = 1;
  assert.deepEqual((await ask()).grant, { scopes: ['orders:read'], salesChannels: ['sc_1'] });
  assert.equal((await ask()).key.owner, 7);
});

test('options that are wrong are told at once', async () => {
  const good = { root, audience, keyring: first };
  for (const bad of [{ root: 7 }, { audience: undefined }, { audience: '' }, { audience: [] }, { audience: [7, ''] }, { audience: 'https://origin.example' },
    { audience: 'origin.example/' }, { source: {} }, { keyring: 'x' }, { freshFor: -1 }, { deadline: '1' }]) {
    assert.throws(() => createAssertionVerifier({ ...good, ...bad }), TypeError, JSON.stringify(bad));
  }
  assert.throws(() => createAssertionVerifier({ ...good, root: 'x' }), { code: 'root_unreadable' });
  const foreign = keyringOf({ notAfter, signers: [], root: keyOf(2) });
  assert.throws(() => createAssertionVerifier({ ...good, keyring: foreign }), (error) => {
    return error instanceof PortcullisError && error.code === 'keyring_not_signed_by_root';
  });
  assert.throws(() => createAssertionVerifier({ ...good, keyring: new Uint8Array(9) }), { code: 'keyring_unreadable' });
  const verifier = createAssertionVerifier(good);
  for (const bad of [{ kind: 'sk' }, { environment: 'prod' }, { now: NaN }, 7]) await assert.rejects(verifier.verify('', bad), TypeError);
  for (const bad of [{ address: '192.0.2.1' }, { getKey: () => 'x' }, { scopes: 'orders:*' }, { salesChannel: 7 }]) {
    await assert.rejects(verifier.authenticate({ headers: {} }, bad), TypeError);
  }
  await assert.rejects(verifier.authenticate('text'), TypeError);
  await assert.rejects(verifier.refresh(), { code: 'source_missing' });
});

test('kind and environment, scopes and sales channel can be asked for', async () => {
  const verifier = createAssertionVerifier({ root, audience, keyring: first });
  const headers = { 'portcullis-assertion': assertionOf({ at: NOW, scopes: 'orders:* carts:read', salesChannels: 'sc_1,sc_2' }) };
  const ask = async (options) => (await verifier.authenticate({ headers }, { now: NOW, ...options })).code ?? 'ok';
  assert.equal(await ask({ kind: 'secret', environment: 'live', scopes: ['orders:read', 'carts:read'], salesChannel: 'sc_2' }), 'ok');
  assert.equal(await ask({ salesChannel: () => 'sc_1' }), 'ok');
  assert.equal(await ask({ kind: 'publishable' }), 'wrong_kind');
  assert.equal(await ask({ environment: 'test' }), 'wrong_environment');
  assert.equal(await ask({ scopes: 'carts:write' }), 'scope_missing');
  assert.equal(await ask({ salesChannel: 'sc_3' }), 'sales_channel_denied');
  const bare = { headers: { 'portcullis-assertion': assertionOf({ at: NOW }) } };
  assert.equal((await verifier.authenticate(bare, { now: NOW, scopes: 'orders:read' })).code, 'scope_missing');
  const rejected = await verifier.authenticate(bare, { now: NOW, scopes: 'orders:read' });
  assert.equal(rejected.response.status, 403);
  assert.match(rejected.problem.headers['www-authenticate'], /insufficient_scope/);
});

test('the keyring is fetched when it is first needed, once, and again when its time is over', async (t) => {
  const server = await issuer({ keyring: first });
  t.after(server.close);
  const verifier = createAssertionVerifier({ root, audience, source: httpSource(server.url) });
  assert.deepEqual(verifier.status(), { issuer: null, keyring: null, lastError: null });
  assert.equal((await verifier.verify('no assertion', { now: NOW })).code, 'assertion_malformed');
  assert.equal((await verifier.verify(undefined, { now: NOW })).code, 'assertion_missing');
  assert.equal(server.asked.length, 0, 'noise makes nobody fetch');
  const ask = async (later, options) => (await verifier.verify(assertionOf({ at: NOW + later, ...options }), { now: NOW + later })).code ?? 'ok';
  assert.deepEqual(await Promise.all([ask(0), ask(0), ask(0)]), ['ok', 'ok', 'ok']);
  assert.deepEqual(server.asked, ['keyring']);
  assert.equal(verifier.status().keyring.version, 1);
  assert.equal(await ask(14_999), 'ok');
  assert.equal(server.asked.length, 1);

  server.served = { keyring: second };
  assert.equal(await ask(31_000), 'assertion_signer_not_allowed', 'past its time the next one is waited for');
  assert.equal(server.asked.length, 3, 'and a signer that is not allowed asked for once more');
  assert.equal(await ask(31_000, { kid: 10, seed: 10 }), 'ok');
  assert.equal(await ask(31_000), 'assertion_signer_not_allowed');
  assert.equal(server.asked.length, 3);

  server.served = {};
  assert.equal(await ask(70_000, { kid: 10, seed: 10 }), 'ok', 'without a source the one that is held goes on');
  assert.equal(verifier.status().lastError.code, 'source_status');
});

test('a signer that is not known yet makes it ask for the keyring, but not again and again', async (t) => {
  const server = await issuer({ keyring: first });
  t.after(server.close);
  const verifier = createAssertionVerifier({ root, audience, source: httpSource(server.url) });
  await verifier.refresh({ now: NOW });
  server.served = { keyring: second };
  const ask = async (now, kid) => (await verifier.verify(assertionOf({ at: now, kid, seed: kid }), { now })).code ?? 'ok';
  assert.equal(await ask(NOW + 1, 10), 'ok', 'a gate that signs with a new key is believed at once');
  assert.equal(server.asked.length, 2);
  for (let kid = 100; kid < 120; kid += 1) assert.equal(await ask(NOW + 2, kid), 'assertion_signer_not_allowed');
  assert.equal(server.asked.length, 2);
});

test('without a keyring, or past its end, nothing is accepted, and the client is told to come again', async (t) => {
  const server = await issuer({});
  t.after(server.close);
  const verifier = createAssertionVerifier({ root, audience, source: httpSource(server.url), coldDeadline: 200 });
  const ask = (now) => verifier.authenticate({ headers: { 'portcullis-assertion': assertionOf({ at: now }) } }, { now });
  const cold = await ask(NOW);
  assert.equal(cold.code, 'keyring_missing');
  assert.equal(cold.response.status, 503);
  assert.ok(Number(cold.problem.headers['retry-after']) >= 1);
  verifier.adopt(keyringOf({ notAfter: NOW + 10_000, signers: [{ kid: 9, seed: 9 }] }));
  assert.equal((await ask(NOW + 9_999)).ok, true);
  const over = await ask(NOW + 10_000);
  assert.deepEqual([over.code, over.response.status], ['assertion_signer_not_allowed', 503]);
  server.served = { keyring: (response) => response.writeHead(200).flushHeaders() };
  const hanging = createAssertionVerifier({ root, audience, source: httpSource(server.url, { timeout: 400 }), coldDeadline: 50 });
  assert.equal((await hanging.verify(assertionOf({ at: NOW }), { now: NOW })).code, 'keyring_missing');
});

test('what a source says is believed only where the root has signed it', async (t) => {
  const server = await issuer({ keyring: keyringOf({ notAfter, version: 7, signers: [{ kid: 9, seed: 66 }], root: keyOf(2) }) });
  t.after(server.close);
  const verifier = createAssertionVerifier({ root, audience, keyring: first, source: httpSource(server.url) });
  const ask = async (seed) => (await verifier.verify(assertionOf({ at: NOW, seed }), { now: NOW })).code ?? 'ok';
  assert.equal(await ask(9), 'ok');
  assert.equal(await ask(66), 'assertion_bad_signature');
  assert.equal(verifier.status().lastError.code, 'keyring_not_signed_by_root');
  await assert.rejects(verifier.refresh(), { code: 'keyring_not_signed_by_root' });
});

// Each handler requires the scope `orders:read` and answers `{ owner }`.
const handlers = {
  async hono(t, verifier, options) {
    const app = new Hono();
    app.get('/', forHono.apiKey(verifier, options), forHono.requireScopes('orders:read'), (c) => c.json({ owner: c.get('portcullis').key.owner }));
    return (headers) => app.request('/', { headers });
  },
  async express(t, verifier, options) {
    const app = express();
    app.get('/', forExpress.apiKey(verifier, options), forExpress.requireKind('secret'), forExpress.requireScopes('orders:read'),
      (request, response) => response.json({ owner: request.portcullis.key.owner }));
    const server = createServer(app);
    const port = await listen(server);
    t.after(() => close(server));
    return (headers) => fetch(`http://127.0.0.1:${port}/`, { headers });
  },
  async fastify(t, verifier, options) {
    const app = Fastify();
    t.after(() => app.close());
    app.register(forFastify.apiKey(verifier, options));
    app.register(async (inner) => {
      inner.get('/', { onRequest: forFastify.requireScopes('orders:read') }, async (request) => ({ owner: request.portcullis.key.owner }));
    });
    return async (headers) => {
      const { statusCode, body, headers: sent } = await app.inject({ url: '/', headers });
      return new Response(body, { status: statusCode, headers: { 'content-type': sent['content-type'] } });
    };
  },
  async fetch(t, verifier, options) {
    const demand = forFetch.requireScopes('orders:read');
    const handler = forFetch.protect(verifier, (request, asserted) => demand(asserted) ?? Response.json({ owner: asserted.key.owner }), options);
    return (headers) => handler(new Request('https://a.example/', { headers }));
  },
  async next(t, verifier, options) {
    const route = forNext.withApiKey(verifier, (request, asserted) => Response.json({ owner: asserted.key.owner }), { ...options, scopes: 'orders:read' });
    return (headers) => route(new Request('https://a.example/', { headers }));
  },
};
for (const [name, make] of Object.entries(handlers)) {
  test(`in ${name} it stands in a verifier's place, closed by default`, async (t) => {
    const verifier = createAssertionVerifier({ root, audience, keyring: first });
    const codes = [];
    const ask = await make(t, verifier, { now: NOW, onRefused: ({ code }) => codes.push(code) });
    const send = async (options) => {
      const response = await ask(options === undefined ? {} : { 'portcullis-assertion': assertionOf({ at: NOW, ...options }) });
      return [response.status, await response.json()];
    };
    assert.deepEqual(await send({ scopes: 'orders:*' }), [200, { owner: 7 }]);
    const [status, problem] = await send();
    assert.deepEqual([status, problem.type], [403, 'tag:portcullis,2026:no_assertion']);
    assert.deepEqual(await send({ scopes: 'orders:*', audience: 'evil.example' }), [403, problem], 'and no fault has another answer');
    assert.deepEqual(await send({ scopes: 'orders:*', seed: 8 }), [403, problem]);
    assert.deepEqual(await send({ scopes: 'orders:*', life: 301 }), [403, problem]);
    const [lacking, { type }] = await send({ scopes: 'carts:read' });
    assert.deepEqual([lacking, type], [403, 'tag:portcullis,2026:insufficient_scope']);
    assert.deepEqual(codes.slice(0, 4), ['assertion_missing', 'assertion_wrong_audience', 'assertion_bad_signature', 'assertion_out_of_time']);
  });
}
