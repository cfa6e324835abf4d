// Policies in the package: what a key may do, and which files are fetched for that.

import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { readFileSync, readdirSync } from 'node:fs';
import test from 'node:test';
import { covers, createVerifier, httpSource } from 'portcullis';
import { addressBytes } from '../js/request/ip-address.js';
import { bytes, files, fixtures, issuer, lists, now, root, tokens } from './support.mjs';

const secrets = [{ kid: 1, secret: fixtures.secret }];
const shop = { origin: 'https://shop.example', method: 'GET', path: '/store/carts' };
const admin = { address: '192.0.2.7', method: 'GET', path: '/admin' };

async function opened(t, list = lists.withPolicies) {
  const server = await issuer(files(list));
  t.after(server.close);
  const verifier = createVerifier({ root, secrets, source: httpSource(server.url), freshFor: 60_000 });
  await verifier.refresh({ now });
  return { server, verifier };
}

const outcome = (verdict) => (verdict.ok ? 'accepted' : verdict.code);

test('a policy that is not held is unavailable, and the next refresh brings it', async (t) => {
  const { server, verifier } = await opened(t);
  const ask = (request) => verifier.verify(tokens.publishable, { now, request });
  assert.equal(outcome(ask(shop)), 'policy_unavailable');
  assert.equal(verifier.verify(tokens.publishable, { now }).ok, true, 'the key itself is good');
  await verifier.refresh({ now });
  assert.deepEqual(ask(shop).grant, {
    scopes: ['carts:*', 'orders:read'],
    salesChannels: ['sc_1', 'sc_2'],
    rateClass: null,
  });
  assert.equal('grant' in verifier.verify(tokens.publishable, { now }), false);
  assert.deepEqual(server.asked.filter((name) => name.startsWith('private')), []);
});

test('each fact of a request counts, in the order of the policy\'s rules', async (t) => {
  const { verifier } = await opened(t);
  const ask = (token, request) => outcome(verifier.verify(token, { now, request }));
  ask(tokens.publishable, {});
  ask(tokens.secretWithPolicy, {});
  await verifier.refresh({ now });
  const rows = [
    [tokens.publishable, shop, 'accepted'],
    [tokens.publishable, {}, 'origin_denied'],
    [tokens.publishable, { ...shop, origin: null }, 'origin_denied'],
    [tokens.publishable, { ...shop, origin: 'https://shop.example.evil' }, 'origin_denied'],
    [tokens.publishable, { ...shop, path: '/admin' }, 'path_denied'],
    [tokens.publishable, { ...shop, path: undefined }, 'path_denied'],
    [tokens.publishable, { ...shop, path: '/store/\ud800' }, 'path_denied'],
    [tokens.publishable, { ...shop, path: '/store/../admin' }, 'path_denied'],
    [tokens.publishable, { ...shop, scopes: ['orders:read', 'carts:write'] }, 'accepted'],
    [tokens.publishable, { ...shop, scopes: 'carts:a:b' }, 'accepted'],
    [tokens.publishable, { ...shop, scopes: new Set(['orders:read', 'orders:write']) }, 'scope_missing'],
    [tokens.publishable, { ...shop, salesChannel: 'sc_2' }, 'accepted'],
    [tokens.publishable, { ...shop, salesChannel: 'sc_3' }, 'sales_channel_denied'],
    [tokens.publishable, { ...shop, salesChannel: '' }, 'sales_channel_denied'],
    [tokens.secretWithPolicy, admin, 'accepted'],
    [tokens.secretWithPolicy, { ...admin, address: undefined }, 'address_denied'],
    [tokens.secretWithPolicy, { ...admin, address: '192.0.3.7' }, 'address_denied'],
    [tokens.secretWithPolicy, { ...admin, address: '2001:db8::1' }, 'accepted'],
    [tokens.secretWithPolicy, { ...admin, address: '::ffff:192.0.2.1' }, 'accepted'],
    [tokens.secretWithPolicy, { ...admin, address: '192.0.2.07' }, 'address_denied'],
    [tokens.secretWithPolicy, { ...admin, method: 'DELETE' }, 'method_denied'],
    [tokens.secretWithPolicy, { ...admin, scopes: ['orders:a'], salesChannel: 'sc_1' }, 'sales_channel_denied'],
    [tokens.secretWithoutSuchPolicy, admin, 'policy_missing'],
    // A key without a policy has no restriction and no scope.
    [tokens.secret, {}, 'accepted'],
    [tokens.secret, { scopes: 'orders:read' }, 'scope_missing'],
  ];
  for (const [token, request, expected] of rows) {
    assert.equal(ask(token, request), expected, JSON.stringify(request));
  }
  assert.equal(verifier.verify(tokens.secretWithPolicy, { now, request: admin }).grant.rateClass, 'gold');
  assert.deepEqual(verifier.verify(tokens.secret, { now, request: {} }).grant, {
    scopes: [], salesChannels: [], rateClass: null,
  });
});

test('a policy that is too new refuses its own requests, and is not fetched again for that', async (t) => {
  const { server, verifier } = await opened(t, lists.policyTooNew);
  const key = tokens.publishable;
  assert.equal(outcome(verifier.verify(key, { now, request: shop })), 'policy_unavailable');
  await verifier.refresh({ now });
  server.asked.length = 0;
  const verdict = verifier.verify(key, { now, request: shop });
  assert.equal(verdict.code, 'policy_too_new');
  assert.equal(verdict.message, 'the policy is newer than this version knows; update the verifier');
  assert.equal(verifier.verify(key, { now }).ok, true, 'the key itself is good');
  const request = { headers: { 'x-publishable-api-key': key, origin: shop.origin }, method: 'GET', url: shop.path };
  const { code, response } = await verifier.authenticate(request, { now });
  assert.deepEqual([code, response.status], ['policy_too_new', 503]);
  await verifier.refresh({ now });
  assert.deepEqual(server.asked.filter((name) => name.startsWith('policies/')), []);
  // Other policies count, and so does this one once it says what is known.
  assert.equal(verifier.verify(tokens.secretWithPolicy, { now, request: admin }).code, 'policy_unavailable');
  await verifier.refresh({ now });
  assert.equal(outcome(verifier.verify(tokens.secretWithPolicy, { now, request: admin })), 'accepted');
});

test('an edit counts with the list that brings it, and what replaces a policy comes before', async (t) => {
  const { server, verifier } = await opened(t);
  const ask = (scopes) => outcome(verifier.verify(tokens.publishable, { now, request: { ...shop, scopes } }));
  ask([]);
  await verifier.refresh({ now });
  assert.equal(ask('carts:write'), 'accepted');
  server.served = files(lists.policiesEdited);
  server.asked.length = 0;
  await verifier.refresh({ now });
  assert.equal(ask('carts:write'), 'scope_missing');
  assert.equal(ask('orders:read'), 'accepted', 'at no moment is it unavailable');
  assert.equal(server.asked.filter((name) => name.startsWith('policies/')).length, 2);
});

test('policies that can\'t be had do not hold a list up, and refuse', async (t) => {
  const { server, verifier } = await opened(t);
  const ask = () => outcome(verifier.verify(tokens.publishable, { now, request: shop }));
  ask();
  await verifier.refresh({ now });
  const served = files(lists.policiesEdited);
  server.served = Object.fromEntries(Object.entries(served).filter(([name]) => !name.startsWith('policies/')));
  await verifier.refresh({ now });
  assert.equal(verifier.status({ now }).list.number, 5);
  assert.equal(ask(), 'policy_unavailable');
  // Other bytes under the right name.
  const names = Object.keys(served).filter((name) => name.startsWith('policies/'));
  server.served = { ...served, ...Object.fromEntries(names.map((name) => [name, bytes(lists.first.stamp)])) };
  await verifier.refresh({ now });
  assert.equal(ask(), 'policy_unavailable');
  server.served = served;
  server.asked.length = 0;
  await verifier.refresh({ now: now + 999 });
  assert.equal(ask(), 'policy_unavailable');
  assert.deepEqual(server.asked.filter((name) => name.startsWith('policies/')), [], 'not at once again');
  await verifier.refresh({ now: now + 1_000 });
  assert.equal(ask(), 'accepted');
});

test('the credential for private policies goes for those alone, and to nobody else', async (t) => {
  const server = await issuer(files(lists.withPolicies));
  const elsewhere = await issuer(files(lists.withPolicies));
  t.after(server.close);
  t.after(elsewhere.close);
  const seen = [];
  const ask = async (served) => {
    server.served = served;
    const source = httpSource(server.url, {
      privateHeaders: { authorization: 'Bearer gate' },
      fetch: (address, init) => {
        seen.push([new URL(address).pathname.split('/')[3], init.headers?.authorization]);
        return fetch(address, init);
      },
    });
    const verifier = createVerifier({ root, secrets, source });
    await verifier.refresh({ now });
    for (const token of [tokens.publishable, tokens.secretWithPolicy]) verifier.verify(token, { now, request: admin });
    await verifier.refresh({ now });
    return outcome(verifier.verify(tokens.secretWithPolicy, { now, request: admin }));
  };
  const served = files(lists.withPolicies);
  assert.equal(await ask(served), 'accepted');
  assert.ok(seen.some(([place]) => place === 'private') && seen.some(([place]) => place === 'policies'));
  for (const [place, header] of seen) assert.equal(header, place === 'private' ? 'Bearer gate' : undefined);
  const moved = (name) => (response) =>
    response.writeHead(302, { location: `${elsewhere.url}/.well-known/portcullis/${name}` }).end();
  const away = Object.fromEntries(Object.keys(served).map((name) => [name, name.startsWith('private/') ? moved(name) : served[name]]));
  elsewhere.asked.length = 0;
  assert.equal(await ask(away), 'policy_unavailable');
  assert.deepEqual(elsewhere.asked, []);
});

test('by the clock a policy that is not held is fetched behind the answer', async (t) => {
  const { verifier } = await opened(t);
  t.mock.method(Date, 'now', () => now);
  const ask = () => outcome(verifier.verify(tokens.publishable, { request: shop }));
  assert.equal(ask(), 'policy_unavailable');
  const until = performance.now() + 10_000;
  while (ask() === 'policy_unavailable' && performance.now() < until) await new Promise((done) => { setTimeout(done, 5); });
  assert.equal(ask(), 'accepted');
});

test('a list without policies has none', async (t) => {
  const { verifier } = await opened(t, lists.first);
  assert.equal(outcome(verifier.verify(tokens.publishable, { now, request: shop })), 'policy_missing');
});

test('a misspelt fact is a TypeError', async (t) => {
  const { verifier } = await opened(t);
  for (const request of [null, 7, { path: 7 }, { scopes: ['orders:*'] }, { scopes: ['Orders'] }, { scopes: [7] },
    { scopes: 'a:' }, { address: 1 }, { origin: {} }, { salesChannel: 3 }]) {
    assert.throws(() => verifier.verify(tokens.publishable, { now, request }), TypeError);
  }
});

test('addresses are those that the platform knows', () => {
  const good = ['0.0.0.0', '255.255.255.255', '::', '::1', '1::', '1:2:3:4:5:6:7:8', '::ffff:1.2.3.4', '1::1.2.3.4',
    'FE80::A', '1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:7::'];
  const bad = ['', '1.2.3', '1.2.3.4.5', '01.2.3.4', '256.1.1.1', '1.2.3.4 ', ':', ':::', '1::2::3', '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7:8::', '::1.2.3', '1.2.3.4::', '12345::', '[::1]', '::1/128', 'x'];
  for (const text of [...good, ...bad]) assert.equal(addressBytes(text)?.length ?? 0, [0, 0, 0, 0, 4, 0, 16][isIP(text)], text);
  assert.ok(good.every((text) => addressBytes(text)) && bad.every((text) => !addressBytes(text)));
  assert.equal(addressBytes('fe80::1%eth0'), undefined, 'a zone is this machine\'s own');
  let seed = 7;
  const random = (n) => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) % n;
  for (let round = 0; round < 20_000; round += 1) {
    const text = Array.from({ length: 1 + random(14) }, () => '::::..019af'[random(11)]).join('');
    assert.equal(addressBytes(text) === undefined, isIP(text) === 0, text);
  }
  assert.deepEqual([...addressBytes('2001:db8::1')], [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
});

test('which grants cover which scopes, by the shared vectors', () => {
  const folder = new URL('../../tests/vectors/policy/', import.meta.url);
  const read = (name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
  const names = readdirSync(folder).filter((name) => /^(scope|need)-.*\.json$/.test(name));
  assert.ok(names.length > 20);
  for (const name of names) {
    const { files: offered, request, expect } = read(name);
    const granted = offered.flatMap(({ bytes: hex }) => scopesIn(Buffer.from(hex, 'hex')));
    const all = request.scopes.every((scope) => granted.some((grant) => covers(grant, scope)));
    assert.equal(all, expect.verdict === 'accepted', name);
  }
});

// The scopes in a body of one policy that has nothing but scopes.
function scopesIn(file) {
  if (file.toString('latin1', 0, 3) !== 'PCP' || file[4] !== 1 || file.readUInt16BE(13) !== 0x20) return [];
  const scopes = [];
  for (let at = 17; at < file.length; at += 1 + file[at]) scopes.push(file.toString('latin1', at + 1, at + 1 + file[at]));
  return scopes;
}
