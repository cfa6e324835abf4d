// authenticate: where a request carries its key, the two bounds, and the client's response.

import assert from 'node:assert/strict';
import test from 'node:test';
import { createVerifier, httpSource, PortcullisError } from 'portcullis';
import { readCredential } from '../js/request/credential.js';
import { platform } from '../js/shared/platform.js';
import { bytes, files, fixtures, issuer, lists, now, root, tokens } from './support.mjs';

const secrets = [{ kid: 1, secret: fixtures.secret }];
const address = 'https://api.example/store/carts?x=1';
const from = (headers, url = address) => new Request(url, { headers: { origin: 'https://shop.example', ...headers } });
const bearer = (token, url) => from({ authorization: `Bearer ${token}` }, url);
const make = (more) => createVerifier({ root, secrets, ...more });
const offline = () => make({ bundle: bytes(lists.first.bundle), now });

async function served(t, list = lists.withPolicies, options) {
  const server = await issuer(files(list));
  t.after(server.close);
  return { server, verifier: make({ source: httpSource(server.url), ...options }) };
}

test('each way of carrying a key', () => {
  const pk = tokens.publishable;
  const basic = (text) => `Basic ${btoa(text)}`;
  const rows = [
    [{}, 'no_key'],
    [{ authorization: `Bearer ${pk}` }, pk],
    [{ authorization: `bEARER \t ${pk} ` }, pk],
    [{ 'x-api-key': ` ${pk} ` }, pk],
    [{ authorization: `Bearer ${pk}`, 'x-api-key': pk }, pk],
    [{ authorization: `Bearer ${pk}`, 'x-api-key': `${pk}0` }, 'two_keys'],
    [{ authorization: `Bearer ${pk}, Bearer ${pk}` }, pk],
    [{ authorization: `Bearer ${pk}, Bearer x` }, 'two_keys'],
    [{ 'x-api-key': `${pk}, ${pk}` }, pk],
    [{ authorization: 'Bearer' }, 'malformed_authorization'],
    [{ authorization: 'Bearer a b' }, 'malformed_authorization'],
    [{ authorization: `Basic YTpi, Bearer ${pk}` }, 'malformed_authorization'],
    [{ authorization: 'Bearer', 'x-api-key': pk }, 'malformed_authorization'],
    [{ authorization: 'Basic YTpi' }, 'no_key'],
    [{ authorization: basic('user:pass'), 'x-api-key': pk }, pk],
    [{ authorization: basic(`${tokens.secret}:`) }, tokens.secret],
    [{ authorization: `Basic ${tokens.secret}` }, tokens.secret],
    [{ authorization: basic(`${tokens.secret}:password`) }, 'no_key'],
    [{ authorization: 'Basic %%%' }, 'no_key'],
    [{ authorization: 'Bearerish x' }, 'no_key'],
    [{ authorization: '' }, 'no_key'],
    [{ 'x-api-key': '' }, 'empty_key'],
    [{ 'x-api-key': `${pk},` }, 'empty_key'],
    [{ 'x-publishable-api-key': pk }, pk],
    // A shop's page sends the customer's token as well.
    [{ 'x-publishable-api-key': pk, authorization: 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.x' }, pk],
    [{ 'x-api-key': tokens.secret, authorization: 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.x' }, tokens.secret],
    [{ authorization: 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.x' }, 'eyJhbGciOiJIUzI1NiJ9.e30.x'],
    // One key of each kind: the secret key is used, unless the options require the other kind.
    [{ 'x-publishable-api-key': pk, authorization: `Bearer ${tokens.secret}` }, tokens.secret],
    [{ 'x-publishable-api-key': pk, 'x-api-key': tokens.secret }, tokens.secret],
    [{ 'x-publishable-api-key': pk, 'x-api-key': tokens.secret }, pk, 'publishable'],
    [{ 'x-publishable-api-key': pk, 'x-api-key': tokens.secret }, tokens.secret, 'secret'],
    [{ 'x-publishable-api-key': pk, 'x-api-key': tokens.test }, 'two_keys'],
    [{ 'x-publishable-api-key': pk, 'x-api-key': 'x' }, 'two_keys'],
    [{ 'x-publishable-api-key': 'x', authorization: `Bearer ${tokens.secret}` }, 'two_keys'],
  ];
  for (const [headers, expected, kind] of rows) {
    for (const form of [headers, new Headers(headers)]) {
      const { token, code } = readCredential(form, kind);
      assert.equal(token ?? code, expected, JSON.stringify(headers));
    }
  }
  assert.equal(readCredential({ 'x-api-key': [pk, pk] }).token, pk);
  assert.equal(readCredential(Object.create({ 'x-api-key': pk })).code, 'no_key');
});

test('a request with a good key is admitted, with what its policy grants', async (t) => {
  const { verifier } = await served(t);
  const admitted = await verifier.authenticate(bearer(tokens.publishable), { now, scopes: 'orders:read', salesChannel: () => 'sc_1' });
  assert.equal(admitted.ok, true);
  assert.equal(admitted.key.owner, 42);
  assert.deepEqual(admitted.grant.salesChannels, ['sc_1', 'sc_2']);
  assert.equal('response' in admitted, false);
});

test('what a client is told is one answer for every bad key, and names no reason', async (t) => {
  const verifier = offline();
  const answers = await Promise.all(
    [tokens.suspended, tokens.expired, tokens.ofOtherIssuer, tokens.unknownKid, 'x', 'x'.repeat(100_000)].map(async (token) => {
      const { ok, response } = await verifier.authenticate(bearer(token), { now });
      assert.equal(ok, false);
      return JSON.stringify([response.status, [...response.headers], await response.text()]);
    }),
  );
  assert.equal(new Set(answers).size, 1);
  const [status, headers, body] = JSON.parse(answers[0]);
  assert.equal(status, 401);
  assert.deepEqual(Object.fromEntries(headers), {
    'cache-control': 'no-store',
    'content-type': 'application/problem+json',
    'www-authenticate': 'Bearer realm="portcullis", error="invalid_token"',
  });
  assert.equal(JSON.parse(body).type, 'tag:portcullis,2026:invalid_key');
});

test('every answer, by status and challenge', async (t) => {
  const { verifier } = await served(t);
  const shop = (headers) => from({ authorization: `Bearer ${tokens.publishable}`, ...headers });
  const rows = [
    [verifier, from({}), {}, 'no_key', 401, 'Bearer realm="portcullis"'],
    [verifier, from({ authorization: 'Bearer' }), {}, 'malformed_authorization', 400, 'Bearer realm="portcullis", error="invalid_request"'],
    [verifier, shop(), { scopes: ['orders:read', 'orders:write'] }, 'scope_missing', 403,
      'Bearer realm="portcullis", error="insufficient_scope", scope="orders:read orders:write"'],
    [verifier, shop({ origin: 'https://evil.example' }), {}, 'origin_denied', 403, null],
    [verifier, bearer(tokens.publishable, 'https://api.example/admin'), {}, 'path_denied', 403, null],
    [verifier, shop(), { kind: 'secret' }, 'wrong_kind', 401, 'Bearer realm="portcullis", error="invalid_token"'],
    [verifier, bearer(tokens.secretWithPolicy), {}, 'address_denied', 401, 'Bearer realm="portcullis", error="invalid_token"'],
    [verifier, bearer(tokens.secretWithoutSuchPolicy), {}, 'policy_missing', 403, null],
    [make(), bearer(tokens.publishable), {}, 'list_missing', 503, null],
    [offline(), bearer(tokens.publishable), { now: now + 60_000 }, 'list_past_next_update', 503, null],
    [make({ realm: 'a"\\\r\nb' }), from({}), {}, 'no_key', 401, 'Bearer realm="ab"'],
  ];
  for (const [subject, request, options, code, status, challenge] of rows) {
    const refused = await subject.authenticate(request, { now, ...options });
    assert.equal(refused.code, code);
    assert.equal(refused.problem.status, status, code);
    const { response } = refused;
    assert.equal(response.status, status);
    assert.equal(response.headers.get('www-authenticate'), challenge);
    assert.equal(response.headers.get('cache-control'), 'no-store');
    assert.equal(response.headers.has('retry-after'), status === 503);
    assert.equal((await response.json()).status, status);
    assert.equal((await refused.response.json()).status, status, 'each reading gives a new one');
  }
});

test('the address is the platform\'s, as it is given', async (t) => {
  const { verifier } = await served(t);
  const ask = (address) => verifier.authenticate(bearer(tokens.secretWithPolicy), { now, address });
  assert.equal((await ask('192.0.2.9')).ok, true);
  assert.equal((await ask((request) => (request instanceof Request ? '2001:db8::9' : ''))).ok, true);
  assert.equal((await ask(() => undefined)).code, 'address_denied');
});

test('a request of Node\'s is verified by its target as it was received', async (t) => {
  const { verifier } = await served(t);
  const ask = (more) =>
    verifier.authenticate({ headers: { 'x-api-key': tokens.publishable, origin: 'https://shop.example' }, method: 'GET', ...more }, { now });
  assert.equal((await ask({ url: '/store/carts?x=1' })).ok, true);
  assert.equal((await ask({ url: '/carts', originalUrl: '/store/carts' })).ok, true, 'a router of Express cuts `url`');
  assert.equal((await ask({ url: '/store/../admin' })).code, 'path_denied');
  assert.equal((await ask({ url: '/store/%2e%2e/admin' })).code, 'path_denied');
  assert.equal((await ask({})).code, 'path_denied');
});

test('which kind is asked for says which key of two is verified', async () => {
  const verifier = make({ bundle: bytes(lists.first.bundle), now });
  const request = from({ 'x-publishable-api-key': tokens.test, authorization: `Bearer ${tokens.secret}` });
  const ask = async (options) => (await verifier.authenticate(request, { now, ...options })).key?.kind;
  assert.equal(await ask({}), 'secret');
  assert.equal(await ask({ kind: 'secret' }), 'secret');
  assert.equal(await ask({ kind: 'publishable' }), 'publishable');
  const alone = from({ 'x-publishable-api-key': tokens.secret });
  assert.equal((await verifier.authenticate(alone, { now, kind: 'publishable' })).code, 'wrong_kind');
});

test('a cold verifier waits for its first list, and one that is closed for its next', async (t) => {
  const { server, verifier } = await served(t, lists.first);
  const authenticate = (at) => verifier.authenticate(bearer(tokens.test), { now: at });
  assert.equal((await authenticate(now)).ok, true);
  const asked = server.asked.length;
  assert.equal((await authenticate(now)).ok, true);
  assert.equal(server.asked.length, asked, 'a young list is used as it is');
  server.served = files(lists.second);
  assert.equal((await authenticate(now + 61_000)).ok, true, 'past next update, and refreshed');
  assert.equal(verifier.status({ now: now + 61_000 }).list.number, 2);
});

test('a stale list is refreshed first, and used if that fails', async (t) => {
  const { server, verifier } = await served(t, lists.first, { deadline: 2_000 });
  const authenticate = (at, token = tokens.revokedInSecond) => verifier.authenticate(bearer(token), { now: at });
  assert.equal((await authenticate(now)).ok, true);
  server.served = files(lists.second);
  assert.equal((await authenticate(now + 5_000)).code, 'revoked');
  server.served = {};
  const stale = await authenticate(now + 20_000, tokens.test);
  assert.equal(stale.list.freshness, 'stale');
  assert.equal(stale.ok, true);
  assert.equal(verifier.status({ now }).lastError.code, 'source_status');
  const asked = server.asked.length;
  await authenticate(now + 20_000, tokens.test);
  assert.equal(server.asked.length, asked, 'after a failure nobody asks until a pause is over');
  assert.equal((await authenticate(now + 63_000, tokens.test)).code, 'list_past_next_update');
});

test('nobody waits for a source that hangs for longer than the bounds', async (t) => {
  const { server, verifier } = await served(t, lists.first, { deadline: 40, coldDeadline: 80 });
  await verifier.refresh({ now });
  let asked = 0;
  server.served = { stamp: () => { asked += 1; } };
  const results = await Promise.all([1, 2, 3].map(() => verifier.authenticate(bearer(tokens.test), { now: now + 10_000 })));
  assert.deepEqual(results.map(({ ok, list }) => [ok, list.freshness]), Array(3).fill([true, 'stale']));
  assert.equal(asked, 1, 'one refresh is out for all of them');
  const closed = await verifier.authenticate(bearer(tokens.test), { now: now + 60_000 });
  assert.equal(closed.code, 'list_past_next_update');
});

test('a list of more than half its age is refreshed behind the answer', async (t) => {
  const { server, verifier } = await served(t, lists.first);
  await verifier.refresh({ now });
  server.served = files(lists.second);
  const behind = [];
  const options = { now: now + 2_500, waitUntil: (promise) => behind.push(promise) };
  assert.equal((await verifier.authenticate(bearer(tokens.revokedInSecond), options)).ok, true);
  assert.equal(behind.length, 1);
  await behind[0];
  assert.equal((await verifier.authenticate(bearer(tokens.revokedInSecond), options)).code, 'revoked');
});

test('verify refreshes behind its answer as well, and tells of no failure but in the status', async (t) => {
  const server = await issuer({});
  t.after(server.close);
  const verifier = make({ source: httpSource(server.url) });
  assert.equal(verifier.verify(tokens.publishable).code, 'list_missing');
  const until = Date.now() + 5_000;
  while (verifier.status().lastError === null && Date.now() < until) await new Promise((done) => { setTimeout(done, 5); });
  assert.ok(verifier.status().lastError instanceof PortcullisError);
  assert.equal(verifier.verify(tokens.publishable, { now }).code, 'list_missing');
});

test('a key that the list does not cover has the list looked at once more, and not again', async (t) => {
  const { server, verifier } = await served(t, lists.first);
  await verifier.refresh({ now });
  server.asked.length = 0;
  for (const token of [tokens.notCovered, tokens.notCovered, tokens.unknownKid, tokens.unknownKid]) {
    assert.match((await verifier.authenticate(bearer(token), { now })).code, /not_covered|unknown_kid/);
  }
  assert.deepEqual(server.asked.filter((name) => name === 'stamp').length, 2, 'once for each doubt');
  assert.deepEqual(server.asked.filter((name) => name === 'keyring').length, 1);
});

test('policies that nobody hands out are asked for once in a while, not with every request', async (t) => {
  const { server, verifier } = await served(t);
  server.served = Object.fromEntries(Object.entries(files(lists.withPolicies)).filter(([name]) => !name.startsWith('private/')));
  const ask = (later = 0) => verifier.authenticate(bearer(tokens.secretWithPolicy), { now: now + later, address: '192.0.2.1' });
  for (let round = 0; round < 5; round += 1) {
    const { code, response } = await ask();
    assert.deepEqual([code, response.status], ['policy_unavailable', 503]);
  }
  assert.equal(server.asked.filter((name) => name.startsWith('private/')).length, 1);
  server.served = files(lists.withPolicies);
  assert.equal((await ask(1_000)).ok, true);
});

test('where promises can\'t be shared a waiter looks at plain state', async (t) => {
  const { verifier } = await served(t, lists.first);
  platform.sharesPromises = false;
  t.after(() => {
    platform.sharesPromises = true;
  });
  const results = await Promise.all([1, 2, 3].map(() => verifier.authenticate(bearer(tokens.test), { now })));
  assert.ok(results.every(({ ok }) => ok));
});

test('native Ed25519 and the engine\'s own give one verdict', async (t) => {
  const { verifyEd25519 } = platform;
  t.after(() => {
    platform.verifyEd25519 = verifyEd25519;
  });
  let asked = 0;
  const ways = {
    node: (...given) => (asked += 1, verifyEd25519(...given)),
    webcrypto: undefined,
    broken: () => { throw new Error('no Ed25519'); },
    lying: () => false,
  };
  for (const [name, way] of Object.entries(ways)) {
    platform.verifyEd25519 = way;
    for (const [token, expected] of [[tokens.test, undefined], [tokens.ofOtherIssuer, 'bad_signature'],
      [`${tokens.test.slice(0, -1)}x`, 'malformed_checksum']]) {
      const verifier = offline();
      for (let twice = 0; twice < 2; twice += 1) {
        assert.equal((await verifier.authenticate(bearer(token), { now })).code, expected, name);
      }
    }
  }
  assert.equal(asked, 3, 'a good signature is looked at once, a bad one each time, a mistyped one never');
});

test('options are as strict as those of verify', async () => {
  const verifier = offline();
  for (const options of [{ kind: 'sk' }, { environment: 'prod' }, { scopes: ['a:*'] }, { now: -1 }, { address: 7 }, null]) {
    await assert.rejects(verifier.authenticate(bearer(tokens.test), options && { now, ...options }), TypeError);
  }
  for (const request of [undefined, null, 'x', 7]) await assert.rejects(verifier.authenticate(request, { now }));
});

test('hostile requests are refused, and nothing of them is called', async () => {
  const verifier = offline();
  const never = () => assert.fail('called');
  const trap = { toString: never, valueOf: never, [Symbol.toPrimitive]: never };
  const ask = async (request) => (await verifier.authenticate(request, { now })).code;
  for (const headers of [undefined, null, 7, {}, { 'x-api-key': trap }, { 'x-api-key': [trap] }, { 'x-api-key': Symbol('pk') },
    { authorization: trap }, { get: () => trap }, { get: () => null }, [], { 'x-api-key': null }]) {
    assert.equal(await ask({ headers, method: trap, url: trap, originalUrl: trap }), 'no_key');
  }
  const good = tokens.test;
  for (const [headers, code] of [
    [{ 'x-api-key': 'x'.repeat(10_000_000) }, 'malformed_too_long'],
    [{ authorization: `Bearer${' '.repeat(1_000_000)}x y` }, 'malformed_authorization'],
    [{ authorization: `Basic ${'A'.repeat(1_000_000)}` }, 'no_key'],
    [{ 'x-api-key': ','.repeat(1_000_000) }, 'empty_key'],
    [{ 'x-api-key': good.replace('p', '\u{170}') }, 'malformed_character'],
    [{ 'x-api-key': `${good}\ud800` }, 'malformed_character'],
  ]) assert.equal(await ask({ headers }), code);
  assert.equal(await ask({ headers: { 'x-api-key': good }, url: '/', method: 'GET' }), undefined);
});
