// The gate's unsigned header: a text that a gate would write gives a caller, and any other text gives
// none.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import test from 'node:test';
import { covers, readCaller } from 'portcullis/caller';
import { dice } from './mutations.mjs';
import { close, listen } from './support.mjs';

const fromCommonJs = createRequire(import.meta.url)('portcullis/caller');
const KEY = 'apk_L3sB1aaMz2uK24WBLB1hcf';
const ISSUER = 'iss_0123456789ALygHa16AHYF';
const BARE = `key=${KEY}, issuer=${ISSUER}, kind=publishable, environment=test, list=0, freshness=stale`;
const WHOLE = `key=${KEY}, issuer=${ISSUER}, kind=secret, environment=live, list=42, freshness=fresh, owner=77, policy=9`
  + ', scopes=("*" "carts:read" "orders:*"), sales-channels=("sc_1" "sc_2")';
const EACH = {
  'portcullis-key': KEY, 'portcullis-issuer': ISSUER, 'portcullis-kind': 'secret', 'portcullis-environment': 'live', 'portcullis-list': '42',
  'portcullis-freshness': 'fresh', 'portcullis-owner': '77', 'portcullis-policy': '9', 'portcullis-scopes': '* carts:read orders:*',
  'portcullis-sales-channels': 'sc_1,sc_2',
};
const CALLER = {
  key: { name: KEY, issuer: ISSUER, kind: 'secret', environment: 'live', owner: 77, policy: 9 },
  grant: { scopes: ['*', 'carts:read', 'orders:*'], salesChannels: ['sc_1', 'sc_2'] },
  list: { number: 42, freshness: 'fresh' },
};

// The fields that a gate writes about a caller, in either form.
function members({ key, grant, list }) {
  const all = [['key', key.name], ['issuer', key.issuer], ['kind', key.kind], ['environment', key.environment], ['list', list.number],
    ['freshness', list.freshness], ['owner', key.owner], ['policy', key.policy], ['scopes', grant.scopes], ['sales-channels', grant.salesChannels]];
  return all.filter(([, value]) => value !== null && value.length !== 0);
}
const line = (caller) => members(caller).map(([name, value]) => `${name}=${Array.isArray(value) ? `("${value.join('" "')}")` : value}`).join(', ');
const each = (caller) => Object.fromEntries(members(caller).map(([name, value]) => {
  return [`portcullis-${name}`, Array.isArray(value) ? value.join(name === 'scopes' ? ' ' : ',') : String(value)];
}));

test('all that the gate tells, and null or nothing for what it leaves out', () => {
  assert.deepEqual(readCaller(WHOLE), CALLER);
  assert.deepEqual(readCaller(BARE), {
    key: { name: KEY, issuer: ISSUER, kind: 'publishable', environment: 'test', owner: null, policy: null },
    grant: { scopes: [], salesChannels: [] },
    list: { number: 0, freshness: 'stale' },
  });
  assert.deepEqual(fromCommonJs.readCaller(WHOLE), CALLER);
  assert.equal(covers(readCaller(WHOLE).grant.scopes[2], 'orders:read'), true);
});

test('from wherever a host has headers', async (t) => {
  const request = new Request('https://a.example', { headers: { portcullis: WHOLE } });
  const express = { headers: { portcullis: WHOLE }, get: () => 'a header by name, of Express' };
  for (const input of [request, request.headers, express, { headers: { portcullis: [WHOLE] } }, { portcullis: WHOLE }]) {
    assert.deepEqual(readCaller(input), CALLER);
  }
  const server = createServer((incoming, outgoing) => outgoing.end(JSON.stringify(readCaller(incoming) ?? null)));
  const port = await listen(server);
  t.after(() => close(server));
  const ask = async (headers) => (await fetch(`http://127.0.0.1:${port}/`, { headers })).json();
  assert.deepEqual(await ask({ Portcullis: WHOLE, 'portcullis-assertion': 'x' }), CALLER);
  assert.equal(await ask({}), null);
  assert.equal(await ask([['portcullis', BARE], ['portcullis', BARE]]), null);
});

test('a header for each thing says the same', () => {
  for (const input of [{ headers: EACH }, new Headers(EACH), new Request('https://a.example', { headers: EACH })]) {
    assert.deepEqual(readCaller(input), CALLER);
  }
  for (const name of Object.keys(EACH).slice(0, 6)) {
    const { [name]: _, ...rest } = EACH;
    assert.equal(readCaller(rest), undefined, `without ${name}`);
    assert.equal(readCaller({ ...rest, [name]: '' }), undefined, `empty ${name}`);
  }
  const spoilt = {
    'portcullis-key': `${KEY}, issuer=${ISSUER}`, 'portcullis-freshness': 'fresh, owner=1', 'portcullis-list': '42 ', 'portcullis-owner': '0',
    'portcullis-scopes': '*"), sales-channels=("sc_0', 'portcullis-sales-channels': 'sc_1, sc_2',
  };
  for (const [name, value] of Object.entries(spoilt)) assert.equal(readCaller({ ...EACH, [name]: value }), undefined, name);
  const { 'portcullis-issuer': _, ...without } = EACH;
  assert.equal(readCaller({ ...without, 'portcullis-key': `${KEY}, issuer=${ISSUER}` }), undefined, 'one header can\'t say what two should');
  assert.equal(readCaller({ ...EACH, portcullis: WHOLE }), undefined, 'no gate writes both');
  assert.equal(readCaller({ portcullis: BARE, 'portcullis-owner': '1' }), undefined);
});

test('whatever a gate does not write is nobody', () => {
  const swap = (from, to) => {
    assert.ok(WHOLE.includes(from), from);
    return WHOLE.replace(from, to);
  };
  const wrong = [
    '', ' ', 'nobody', `${WHOLE} `, ` ${WHOLE}`, `${WHOLE}\n`, `${WHOLE},`, `${WHOLE}, new=1`, `${WHOLE}, ${WHOLE}`, WHOLE.toUpperCase(),
    WHOLE.replaceAll(', ', ','), WHOLE.replaceAll(', ', ',  '), WHOLE.split(', ').reverse().join(', '), swap('=apk_', '="apk_'),
    swap('key=', 'Key='), swap('key=', ''), swap('apk_', 'iss_'), swap('apk_L', 'apk_'), swap('apk_L', 'apk_LL'), swap('apk_L', 'apk_-'),
    swap('apk_L3sB1aaMz2u', 'apk_LygHa16AHYG'), swap('apk_L3sB1aaMz2u', 'apk_zzzzzzzzzzz'), swap('LygHa16AHYF', 'LygHa16AHYG'), swap('=iss_', '=apk_'),
    swap('secret', 'admin'), swap('secret', 'Secret'), swap('secret', ''), swap('live', 'prod'), swap('fresh', 'unknown'), swap('fresh', 'fresh;q=1'),
    swap('list=42', 'list=042'), swap('list=42', 'list=-1'), swap('list=42', 'list=4.2'), swap('list=42', 'list=9007199254740992'),
    swap('list=42', 'list=99999999999999999'), swap('list=42', 'list=+42'), swap('list=42', 'list=4e1'), swap('list=42', 'list='), swap(', list=42', ''),
    swap('owner=77', 'owner=0'), swap('owner=77', 'owner=077'), swap('owner=77', 'owner=4294967296'), swap('owner=77', 'owner=null'), swap('owner=77', 'owner'),
    swap('policy=9', 'policy=0'), swap('policy=9', 'policy=4294967296'), swap(', policy=9', ''), swap('owner=77, policy=9', 'policy=9, owner=77'),
    swap('owner=77', 'owner=77, owner=78'), swap('("*" "carts:read" "orders:*")', '()'), swap('("*" "carts:read" "orders:*")', '*'),
    swap('"*" "c', '"*"  "c'), swap('"*" "c', '"*","c'), swap('"*" "c', '" *" "c'), swap('"*" "c', '"" "c'), swap('"*" "c', '"*" "*" "c'),
    swap('"*" "carts:read"', '"carts:read" "*"'), swap('carts:read', 'carts:'), swap('carts:read', ':read'), swap('carts:read', 'carts:re*d'),
    swap('carts:read', 'Carts:read'), swap('carts:read', 'carts read'), swap('carts:read', 'carts\\"read'), swap('carts:read', `c${'a'.repeat(255)}`),
    swap('"sc_1" "sc_2"', '"sc_2" "sc_1"'), swap('"sc_1" "sc_2"', '"sc_1" "sc_1"'), swap('sc_1', ''), swap('sc_1', 's'.repeat(65)), swap('sc_1', 'sc.1'),
    swap('sc_1', 'sc:1'), swap('sc_1', 'sc,1'), swap('("sc_1" "sc_2")', '"sc_1"'), swap('"sc_2")', '"sc_2"'), swap('"sc_2")', '"sc_2");a=1'),
  ];
  for (const text of wrong) assert.equal(readCaller(text), undefined, text);
  for (let length = 0; length < WHOLE.length; length += 1) {
    const said = readCaller(WHOLE.slice(0, length));
    // A header that is cut between two members is a valid header of fewer members.
    assert.ok(said === undefined || line(said) === WHOLE.slice(0, length), String(length));
  }
});

test('the largest that there is', () => {
  const most = 'LygHa16AHYF'.repeat(2);
  const largest = {
    key: { name: `apk_${most}`, issuer: `iss_${most}`, kind: 'secret', environment: 'live', owner: 2 ** 32 - 1, policy: 2 ** 32 - 1 },
    grant: { scopes: ['a'.repeat(255)], salesChannels: ['s'.repeat(64)] },
    list: { number: 2 ** 53 - 1, freshness: 'fresh' },
  };
  assert.deepEqual(readCaller(line(largest)), largest);
  assert.deepEqual(readCaller(each(largest)), largest);
});

test('it throws nothing, whatever it is given', () => {
  const thrower = () => { throw new Error('a getter'); };
  const traps = new Proxy({}, { get: thrower, has: thrower, getOwnPropertyDescriptor: thrower });
  const inputs = [undefined, null, 7, true, 7n, Symbol('x'), thrower, [], {}, traps, new Map(), { headers: null }, { headers: 'text' }, { headers: traps },
    { headers: { get: thrower } }, { headers: { get: () => 7 } }, { headers: { portcullis: 7 } }, { headers: { portcullis: [7] } },
    { headers: { portcullis: [WHOLE, WHOLE] } }, { headers: Object.create({ portcullis: WHOLE }) }, 'x'.repeat(1 << 20), `${WHOLE}${' "a"'.repeat(1 << 16)}`,
    { get headers() { throw new Error('a getter'); } }];
  for (const [at, input] of inputs.entries()) assert.equal(readCaller(input), undefined, String(at));
});

test('whoever is read has been written so: random callers, and random changes to what is said of them', () => {
  const { random, pick } = dice();
  const word = (digits, length) => Array.from({ length }, () => digits[random(digits.length)]).join('');
  const chunk = () => pick('0123456789ABCDEFGHIJK') + word('0Aa9Zzk', 10);
  const id = (prefix) => `${prefix}_${chunk()}${chunk()}`;
  const some = (make) => [...new Set(Array.from({ length: random(4) }, make))].sort();
  const scope = () => Array.from({ length: 1 + random(3) }, () => (random(4) === 0 ? '*' : word('ab9_.-', 1 + random(5)))).join(':');
  const caller = () => {
    const policy = random(2) === 0 ? null : 1 + random(9_999);
    return {
      key: { name: id('apk'), issuer: id('iss'), kind: pick(['secret', 'publishable']), environment: pick(['live', 'test']),
        owner: random(2) === 0 ? null : 1 + random(9_999), policy },
      grant: policy === null ? { scopes: [], salesChannels: [] } : { scopes: some(scope), salesChannels: some(() => word('scA_-1', 1 + random(8))) },
      list: { number: random(99_999), freshness: pick(['fresh', 'stale']) },
    };
  };
  const characters = ' ,="()*:;\\_-.\n\t09azAZ\u{141}';
  const seen = { read: 0, refused: 0 };
  for (let round = 0; round < 20_000; round += 1) {
    const one = caller();
    const text = line(one);
    if (round % 10 === 0) {
      assert.deepEqual(readCaller(text), one, text);
      assert.deepEqual(readCaller(each(one)), one, text);
    }
    const at = random(text.length);
    const other = line(caller());
    const changed = [
      text.slice(0, at), text.slice(0, at) + pick(characters) + text.slice(at), text.slice(0, at) + pick(characters) + text.slice(at + 1),
      text.slice(0, at) + text.slice(at + 1), text.slice(0, at) + other.slice(random(other.length)), `${text}, ${other.split(', ').at(-1)}`,
    ][random(6)];
    const said = readCaller(changed);
    seen[said === undefined ? 'refused' : 'read'] += 1;
    if (said !== undefined) assert.equal(line(said), changed);
  }
  assert.ok(seen.read > 500 && seen.refused > 10_000, JSON.stringify(seen));
});
