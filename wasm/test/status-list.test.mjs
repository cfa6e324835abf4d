// Token Status Lists: the draft's own vectors, lists from other implementations, and every kind of
// invalid list.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { deflateSync } from 'node:zlib';
import { createHeaderAndPayload, StatusList } from '@sd-jwt/jwt-status-list';
import { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { createStatusChecker } from 'portcullis/status-list';
import { createStatusChecker as fromCommonJs } from '../cjs/status-list.cjs';

const NOW = 1_800_000_000_000;
const URI = 'https://status.example/1';
const seconds = (millis) => Math.floor(millis / 1000);
const { publicKey, privateKey } = await generateKeyPair('Ed25519', { extractable: true });
const jwk = { ...(await exportJWK(publicKey)), kid: 'a' };

// A status list token. `change` can make it invalid.
async function signed({ lst, bits = 1, header = {}, claims = {}, key = privateKey, alg = 'EdDSA' }) {
  const payload = { sub: URI, iat: seconds(NOW) - 10, exp: seconds(NOW) + 3600, ttl: 60, status_list: { bits, lst }, ...claims };
  for (const [name, value] of Object.entries(payload)) if (value === undefined) delete payload[name];
  return new SignJWT(payload).setProtectedHeader({ alg, kid: 'a', typ: 'statuslist+jwt', ...header }).sign(key);
}

const packed = (bytes) => deflateSync(bytes).toString('base64url');
const token = (idx, uri = URI) => ({ status: { status_list: { idx, uri } } });

// A checker with a `fetch` that returns the current `served.token`.
function checker(served, options) {
  served.asked = 0;
  const fetch = async (uri, init) => {
    served.asked += 1;
    assert.equal(init.headers.accept, 'application/statuslist+jwt');
    if (served.fetch) return served.fetch(uri, init);
    return new Response(served.token, { status: served.token ? 200 : 404 });
  };
  return createStatusChecker({ key: jwk, fetch, ...options });
}

const vectors = JSON.parse(readFileSync(new URL('fixtures/status-lists.json', import.meta.url), 'utf8'));

for (const [at, { bits, lst, statuses }] of vectors.entries()) {
  test(`the draft's list ${at + 1}, of ${bits} bits`, async () => {
    const status = checker({ token: await signed({ bits, lst }) });
    for (const [idx, expected] of Object.entries(statuses)) {
      const { ok, value, status: name } = await status.check(token(Number(idx)), { now: NOW });
      assert.equal(value, expected, idx);
      assert.equal(ok, expected === 0);
      assert.equal(name, ['valid', 'invalid', 'suspended'][expected] ?? 'other');
    }
    if (Object.keys(statuses).length === 11) assert.equal((await status.check(token(2), { now: NOW })).ok, true);
    const beyond = (bits === 4 || Object.keys(statuses).length === 11) ? 2 ** 20 : Object.keys(statuses).length;
    assert.equal((await status.check(token(beyond), { now: NOW })).code, 'status_not_covered');
    assert.equal((await status.check(token(2 ** 53 - 1), { now: NOW })).code, 'status_not_covered');
  });
}

test('a list of another implementation says the same of every index', async () => {
  for (const bits of [1, 2, 4, 8]) {
    const values = Array.from({ length: 4096 }, (_, at) => (at * 7919) % 2 ** bits);
    const list = new StatusList(values, bits);
    const claims = { iss: 'https://status.example', sub: URI, iat: seconds(NOW), exp: seconds(NOW) + 100 };
    const { header, payload } = createHeaderAndPayload(list, claims, { alg: 'EdDSA', typ: 'statuslist+jwt' });
    const served = { token: await new SignJWT(payload).setProtectedHeader(header).sign(privateKey) };
    const status = checker(served);
    for (const [idx, value] of values.entries()) {
      assert.equal((await status.check(token(idx), { now: NOW })).value, value, `${bits} bits, ${idx}`);
    }
    assert.equal(served.asked, 1);
  }
});

test('keys: a JWK, a set, a CryptoKey, jose\'s own functions, and none that does not fit', async () => {
  const lst = packed(Buffer.from([0]));
  const others = {};
  for (const alg of ['ES256', 'RS256', 'PS256']) others[alg] = await generateKeyPair(alg, { extractable: true });
  const good = await signed({ lst });
  const ask = async (key, served = good) => {
    const { ok, code } = await checker({ token: served }, { key }).check(token(0), { now: NOW });
    return ok ? 'ok' : code;
  };
  assert.equal(await ask(jwk), 'ok');
  assert.equal(await ask({ keys: [jwk, { ...jwk, kid: 'b' }] }), 'ok');
  assert.equal(await ask(publicKey), 'ok');
  assert.equal(await ask(createLocalJWKSet({ keys: [jwk] })), 'ok');
  assert.equal(await ask({ ...jwk, alg: 'EdDSA' }, await signed({ lst, alg: 'Ed25519' })), 'ok');
  for (const [alg, pair] of Object.entries(others)) {
    const own = await signed({ lst, alg, key: pair.privateKey });
    assert.equal(await ask(await exportJWK(pair.publicKey), own), 'ok', alg);
    assert.equal(await ask(pair.publicKey, own), 'ok', alg);
    assert.equal(await ask(jwk, own), 'status_list_key');
  }
  assert.equal(await ask(others.RS256.publicKey, await signed({ lst, alg: 'PS256', key: others.PS256.privateKey })), 'status_list_key');
  const stranger = await generateKeyPair('Ed25519', { extractable: true });
  assert.equal(await ask(await exportJWK(stranger.publicKey)), 'status_list_bad_signature');
  assert.equal(await ask({ ...jwk, use: 'enc' }), 'status_list_key');
  assert.equal(await ask({ ...jwk, alg: 'ES256' }), 'status_list_key');
  assert.equal(await ask({ keys: [{ ...jwk, kid: 'b' }] }), 'status_list_key');
  // The public key as an HMAC secret, and no signature.
  const [, payload] = good.split('.');
  const header = (alg) => Buffer.from(JSON.stringify({ alg, typ: 'statuslist+jwt' })).toString('base64url');
  assert.equal(await ask(jwk, `${header('none')}.${payload}.`), 'status_list_key');
  assert.equal(await ask(jwk, `${header('HS256')}.${payload}.AAAA`), 'status_list_key');
  assert.throws(() => createStatusChecker({}), TypeError);
  assert.throws(() => createStatusChecker({ key: jwk, timeout: 0 }), TypeError);
});

test('everything that a list can have wrong with it is a "no"', async () => {
  const lst = packed(Buffer.from([0]));
  const rows = {
    status_list_type: [{ header: { typ: 'JWT' } }, { header: { typ: undefined } }],
    status_list_subject: [{ claims: { sub: 'https://status.example/2' } }, { claims: { sub: undefined } }],
    status_list_expired: [{ claims: { exp: seconds(NOW) } }, { claims: { exp: 1 } }],
    status_list_from_the_future: [{ claims: { iat: seconds(NOW) + 60 } }],
    status_list_unreadable: [
      { claims: { iat: undefined } }, { claims: { exp: 'never' } }, { claims: { ttl: -1 } }, { claims: { ttl: '60' } },
      { claims: { status_list: undefined } }, { bits: 3 }, { bits: '1' }, { lst: 7 }, { lst: '###' }, { lst: 'AAAA' },
      { lst: packed(Buffer.from([0])).slice(0, -4) }, { lst: '' },
    ],
  };
  for (const [code, changes] of Object.entries(rows)) {
    for (const change of changes) {
      const served = { token: await signed({ lst, ...change }) };
      assert.equal((await checker(served).check(token(0), { now: NOW })).code, code, JSON.stringify(change));
    }
  }
  for (const text of ['', 'x', 'a.b', 'a.b.c.d', 'bnVsbA.bnVsbA.AA', 'e30.e30.\u{141}', '<html>']) {
    assert.match((await checker({ token: text }).check(token(0), { now: NOW })).code, /unreadable|unavailable|type/, text);
  }
  const changedByte = (await signed({ lst })).replace(/.$/, (c) => (c === 'A' ? 'Q' : 'A'));
  assert.equal((await checker({ token: changedByte }).check(token(0), { now: NOW })).code, 'status_list_bad_signature');
});

test('everything that a token can have wrong with it, and lists that it may not name', async () => {
  const served = { token: await signed({ lst: packed(Buffer.from([0])) }) };
  const status = checker(served);
  const ask = async (claims) => (await status.check(claims, { now: NOW })).code;
  assert.equal(await ask({}), 'status_missing');
  for (const claims of [{ status: {} }, { status: null }, { status: { status_list: null } }, token(-1), token(0.5), token('0'),
    token(0, 'nowhere'), token(0, 7), { status: { status_list: { uri: URI } } }]) {
    assert.equal(await ask(claims), 'status_unreadable', JSON.stringify(claims));
  }
  for (const uri of ['http://status.example/1', 'file:///etc/passwd', 'data:text/plain,x']) {
    assert.equal(await ask(token(0, uri)), 'status_uri');
  }
  assert.equal(served.asked, 0, 'none of them is asked for');
  const only = checker(served, { uris: [URI] });
  assert.equal((await only.check(token(0), { now: NOW })).ok, true);
  assert.equal((await only.check(token(0, 'https://status.example/2'), { now: NOW })).code, 'status_uri');
  for (const claims of [null, undefined, 'x', 7]) await assert.rejects(status.check(claims), TypeError);
  await assert.rejects(status.check({}, { now: NaN }), TypeError);
});

test('what is sent and what it decompresses to are capped', async () => {
  const bomb = packed(Buffer.alloc(1 << 20));
  assert.ok(bomb.length < 2_000);
  const served = { token: await signed({ lst: bomb }) };
  const ask = async (options) => (await checker(served, options).check(token(0), { now: NOW })).code;
  assert.equal(await ask({ maxListBytes: (1 << 20) - 1 }), 'status_list_too_large');
  assert.equal(await ask({ maxListBytes: 1 << 20 }), undefined);
  assert.equal(await ask({ maxTokenBytes: 100 }), 'status_list_too_large');
});

test('a list is fetched once for its ttl, used while it is stale, and never past its end', async () => {
  const served = { token: await signed({ lst: packed(Buffer.from([0])) }) };
  const status = checker(served, { deadline: 2_000 });
  const ask = (later, idx = 0) => status.check(token(idx), { now: NOW + later });
  const all = await Promise.all([ask(0), ask(0), ask(0)]);
  assert.ok(all.every(({ ok, list }) => ok && list.freshness === 'fresh'));
  assert.equal((await ask(59_999)).ok, true);
  assert.equal(served.asked, 1);

  const newer = { iat: seconds(NOW) + 60, exp: seconds(NOW) + 3660 };
  served.token = await signed({ lst: packed(Buffer.from([1])), claims: newer });
  assert.equal((await ask(60_000)).code, 'status_invalid', 'the next one is waited for');
  assert.equal(served.asked, 2);
  // An older list that is published again restores no status.
  served.token = await signed({ lst: packed(Buffer.from([0])) });
  assert.equal((await ask(120_000)).code, 'status_invalid');
  assert.equal(served.asked, 3);

  served.token = '';
  assert.equal((await ask(200_000, 1)).list.freshness, 'stale');
  assert.equal(served.asked, 4);
  await ask(200_100, 1);
  assert.equal(served.asked, 4, 'after a fetch in vain there is a pause');
  assert.equal((await ask(3_660_000, 1)).code, 'status_list_unavailable');
});

test('without an end of its own a list is not used for ever', async () => {
  const served = { token: await signed({ lst: packed(Buffer.from([0])), claims: { exp: undefined, ttl: 10 } }) };
  const status = checker(served);
  assert.equal((await status.check(token(0), { now: NOW })).ok, true);
  served.token = '';
  assert.equal((await status.check(token(0), { now: NOW + 19_999 })).list.freshness, 'stale');
  assert.equal((await status.check(token(0), { now: NOW + 21_000 })).ok, false);
});

test('nobody waits for a source that hangs while a list is held', async () => {
  const served = { token: await signed({ lst: packed(Buffer.from([0])) }) };
  const status = checker(served, { deadline: 20, timeout: 60 });
  assert.equal((await status.check(token(0), { now: NOW })).ok, true);
  served.fetch = (uri, { signal }) => new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });
  assert.equal((await status.check(token(0), { now: NOW + 61_000 })).list.freshness, 'stale');
  const cold = checker({ ...served }, { timeout: 30 });
  assert.equal((await cold.check(token(0), { now: NOW })).code, 'status_list_unavailable');
});

test('the same of CommonJS', async () => {
  const served = { token: await signed({ lst: packed(Buffer.from([2])), bits: 2 }) };
  const status = fromCommonJs({ key: jwk, fetch: async () => new Response(served.token) });
  assert.equal((await status.check(token(0), { now: NOW })).code, 'status_suspended');
});
