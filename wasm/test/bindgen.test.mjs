// The class of portcullis/bindgen: the same verdicts as the other entries, for every form of options; updates from
// files; and its types.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import * as wasm from 'portcullis';
import { PortcullisError, Verifier } from 'portcullis/bindgen';
import { entry, FILES, shared } from '../bindgen/types.mjs';
import { EXPECTED, hostile } from './hostile.mjs';
import { compare, dice } from './mutations.mjs';
import { bytes, files, fixtures, lists, now, root, tokens } from './support.mjs';
import { members } from './wrappers.mjs';

const createVerifier = (options) => new Verifier(options);
const secrets = [{ kid: 1, secret: fixtures.secret }];
const bundle = bytes(lists.withPolicies.bundle);
const make = () => new Verifier({ root, secrets, bundle, now });
const { random, pick } = dice();

// The error as a text, or the returned value.
function outcome(act) {
  try {
    return act();
  } catch (error) {
    return `${error.name} ${error.code}: ${error.message}`;
  }
}

test('10,000 random keys and mutations get the same verdict as of the other module, word for word', async () => {
  const { codes, difference } = await compare([wasm, { createVerifier }], fixtures);
  assert.equal(difference, null);
  assert.ok(Object.keys(codes).length > 15, JSON.stringify(codes));
});

test('1,000 mutations of a bundle are adopted or refused alike, with the same words', () => {
  const codes = new Set();
  for (let round = 0; round < 1_000; round += 1) {
    const file = bytes(pick([lists.first, lists.second, lists.ofSecondEpoch, lists.foreign]).bundle);
    const cut = random(4) === 0 ? random(file.length) : file.length;
    const given = file.slice(0, cut);
    if (cut === file.length && random(5) > 0) given[random(cut)] ^= 1 << random(8);
    const [ours, theirs] = [createVerifier, wasm.createVerifier].map((create) => {
      const verifier = create({ root });
      const adopted = outcome(() => verifier.adopt(given, { now }));
      return [adopted, { ...verifier.status({ now }), lastError: null }];
    });
    assert.deepEqual(ours, theirs);
    codes.add(String(ours[0]).split(':')[0]);
  }
  assert.ok(codes.size >= 4, [...codes].join(', '));
});

test('what a request needs is asked of its policy, with the same verdict', () => {
  const theirs = wasm.createVerifier({ root, secrets, bundle, now });
  const requests = [
    {}, { origin: 'https://shop.example' }, { origin: 'https://shop.example', method: 'GET', path: '/store/carts' },
    { origin: 'https://shop.example', path: '/admin' }, { origin: null, address: '192.0.2.1' }, { address: '::ffff:192.0.2.1' },
    { address: 'nonsense' }, { scopes: 'orders:read' }, { scopes: new Set(['orders:read', 'admin:all']) }, { salesChannel: 'sc_1' },
    { origin: '\ud800', path: '/\udc00', method: '' },
  ];
  const codes = new Set();
  for (const token of Object.values(tokens)) {
    for (const request of requests) {
      const ours = make().verify(token, { now, request });
      assert.equal(JSON.stringify(ours), JSON.stringify(theirs.verify(token, { now, request })), JSON.stringify(request));
      codes.add(ours.code);
    }
  }
  assert.ok(codes.size > 4, [...codes].join());
});

test('secrets and roots are refused alike, with the same words', () => {
  const held = bytes(fixtures.keyrings[0]);
  for (const options of [
    { root: 'x' }, { root: '' }, { root: 'A'.repeat(43) }, { root: `${root}=` }, { root, secrets: [{ kid: 1, secret: 'x' }] },
    { root, secrets: [{ kid: 1, secret: `${'A'.repeat(42)}!` }] }, { root, secrets: [{ kid: 1, secret: new Uint8Array(31) }] },
    { root, keyring: held, secrets: [{ kid: 1, secret: new Uint8Array(32) }] }, { root, keyring: held, secrets: [{ kid: 65_535, secret: fixtures.secret }] },
    { root, keyring: held, secrets: [{ kid: 1, secret: `${fixtures.secret.slice(0, 42)}${fixtures.secret.at(-1)}` }] },
    { root, keyring: new Uint8Array(3) }, { root, bundle: held }, { root, secrets: [{ secret: 'x' }] }, { root, secrets: [{ kid: 1.5, secret: 'x' }] }, {},
  ]) {
    const [ours, theirs] = [createVerifier, wasm.createVerifier].map((create) => outcome(() => create(options).status({ now }).waitingSecrets.join()));
    assert.equal(ours.replace('Verifier: `root`', 'createVerifier: `root`'), theirs, JSON.stringify(options));
  }
});

test('hostile input is refused or a TypeError, and the verifier goes on working', () => {
  assert.deepEqual(hostile({ createVerifier }, fixtures), EXPECTED);
});

test('an error is the package\'s own', () => {
  assert.throws(() => new Verifier({ root: 'x' }), (error) => error instanceof PortcullisError && error instanceof wasm.PortcullisError && error.code === 'root_unreadable');
  assert.throws(() => make().adopt(new Uint8Array(3), { now }), (error) => error instanceof PortcullisError && error.code === 'list_unreadable');
});

test('an option is read once, and what it throws passes through', () => {
  const verifier = make();
  let reads = 0;
  const getter = { now, get kind() { reads += 1; return reads === 1 ? 'secret' : 'publishable'; } };
  assert.equal(verifier.verify(tokens.publishable, getter).code, 'wrong_kind');
  assert.equal(reads, 1);
  const thrown = new Error('thrown by a getter');
  const throwing = [
    { get kind() { throw thrown; } },
    { request: { get scopes() { throw thrown; } } },
    { request: { scopes: { [Symbol.iterator]() { throw thrown; } } } },
    { request: { scopes: { * [Symbol.iterator]() { yield 'orders:read'; throw thrown; } } } },
    { now: Object.assign(new Date(now), { getTime() { throw thrown; } }) },
    ...['ownKeys', 'getPrototypeOf'].map((trap) => new Proxy({ now }, { [trap]() { throw thrown; } })),
    new Proxy({ now }, { get() { throw thrown; } }),
    new Proxy({ nonsense: 1 }, { getOwnPropertyDescriptor() { throw thrown; } }),
  ];
  for (const options of throwing) {
    for (let round = 0; round < 100; round += 1) assert.throws(() => verifier.verify(tokens.publishable, options), thrown);
    assert.equal(verifier.verify(tokens.publishable, { now }).ok, true);
  }
  for (const date of [new Proxy(new Date(now), {}), Object.create(Date.prototype)]) assert.throws(() => verifier.verify('', { now: date }), TypeError);
  assert.throws(() => verifier.verify('', { now: Object.assign(new Date(now), { getTime: () => '7' }) }), /`now` is a Date/);
  for (const file of [new Proxy(new Uint8Array(3), {}), Object.create(Uint8Array.prototype)]) outcome(() => verifier.adopt(file, { now }));
  class Long extends Uint8Array { get length() { return 1e6; } }
  assert.equal(verifier.adopt(new Long(bundle), { now }), false);
  assert.equal(verifier.verify(tokens.publishable, { now }).ok, true);
});

test('an option may call the verifier again', () => {
  const verifier = make();
  let inner;
  const options = { now, get environment() { inner = verifier.verify(tokens.publishable, { now }); verifier.adopt(bundle, { now }); return undefined; } };
  assert.deepEqual(verifier.verify(tokens.publishable, options), inner);
  assert.equal(inner.ok, true);
});

test('what is not an object\'s own is no option, whatever stands in the way', () => {
  const verifier = make();
  const heir = Object.create(null, { now: { value: now, enumerable: true } });
  assert.equal(verifier.verify(tokens.publishable, heir).ok, true);
  assert.throws(() => verifier.verify(tokens.publishable, Object.create({ kind: 'secret' })), /plain object/);
  // A Proxy that lists names which its target doesn't have: each listed name counts.
  const listing = new Proxy({}, { ownKeys: () => ['kind', 'now'], get: (_, name) => (name === 'kind' ? 'secret' : now) });
  assert.equal(verifier.verify(tokens.publishable, listing).code, 'wrong_kind');
});

test('what a caller does with his bytes later changes nothing', () => {
  const given = [lists.first.bundle, fixtures.keyrings[0]].map((file) => Buffer.from(file, 'base64')).concat(Buffer.from(fixtures.secret, 'base64url'));
  const verifier = new Verifier({ root, keyring: given[1], bundle: given[0], now, secrets: [{ kid: 1, secret: given[2] }] });
  given.forEach((file) => file.fill(0));
  for (const token of [tokens.publishable, tokens.secret]) assert.equal(verifier.verify(token, { now }).code, undefined);
});

test('there is no `free`, and a copy of a verifier has nothing of it', () => {
  const verifier = make();
  assert.deepEqual(members(verifier).sort(), ['adopt', 'status', 'update', 'verify']);
  const copy = Object.assign(Object.create(Object.getPrototypeOf(verifier)), verifier);
  assert.throws(() => copy.verify(tokens.publishable, { now }), TypeError);
  assert.deepEqual(Reflect.ownKeys({ ...verifier }), []);
});

// Fetches the wanted files until none is wanted. Returns the names of each round.
function updated(verifier, served, at = now, held = {}) {
  const rounds = [];
  for (let wanted; (wanted = verifier.update(held, { now: at })).length > 0;) {
    rounds.push(wanted.map(({ name }) => name.replace(/\/.*/, '')).sort().join(' '));
    for (const { name, longest } of wanted) {
      held[name] = served[name] ?? null;
      assert.ok((held[name]?.length ?? 0) <= longest, name);
    }
    assert.ok(rounds.length < 20, rounds.join('\n'));
  }
  return rounds;
}

test('an update starts with a bundle, and without one with the single files', () => {
  const served = files(lists.first);
  const verifier = new Verifier({ root });
  assert.deepEqual(updated(verifier, served), ['bundle']);
  assert.equal(verifier.status({ now }).list.freshness, 'fresh');
  const single = new Verifier({ root });
  assert.deepEqual(updated(single, { ...served, bundle: undefined }).slice(0, 2), ['bundle', 'keyring stamp']);
  assert.deepEqual(single.status({ now }), verifier.status({ now }));
});

test('an update fetches a newer list, and the keyring once a minute', () => {
  const verifier = new Verifier({ root });
  updated(verifier, files(lists.first));
  const [first, later] = [verifier.status({ now }).list.number, now + 2_000];
  const rounds = updated(verifier, files(lists.second), later);
  assert.equal(rounds[0], 'stamp');
  assert.ok(verifier.status({ now: later }).list.number > first);
  assert.deepEqual(updated(verifier, files(lists.second), later), ['stamp']);
  assert.equal(verifier.update({}, { now: later + 60_000 }).map(({ name }) => name).join(), 'keyring,stamp');
});

test('a list that needs a newer keyring brings it along', () => {
  const verifier = new Verifier({ root });
  updated(verifier, files(lists.first));
  const later = now + 2_000;
  const rounds = updated(verifier, files(lists.underSecondKeyring, fixtures.keyrings[1]), later);
  assert.deepEqual(rounds.slice(0, 2), ['stamp', 'keyring']);
  assert.equal(verifier.status({ now: later }).keyring.version, 2);
  // An older copy from a cache is ignored without an error.
  assert.deepEqual(verifier.update({ keyring: bytes(fixtures.keyrings[0]) }, { now: later }).map(({ name }) => name), ['stamp']);
});

test('a policy that a verification missed is fetched by the next update', () => {
  const served = files(lists.withPolicies);
  const verifier = new Verifier({ root, secrets });
  updated(verifier, served);
  const request = { origin: 'https://shop.example', method: 'GET', path: '/store/carts' };
  const missed = Object.values(tokens).filter((token) => verifier.verify(token, { now, request }).code === 'policy_unavailable');
  assert.ok(missed.length > 0);
  const rounds = updated(verifier, served);
  assert.ok(rounds.join(' ').includes('policies'), rounds.join('\n'));
  for (const token of missed) assert.notEqual(verifier.verify(token, { now, request }).code, 'policy_unavailable');
  assert.deepEqual(updated(verifier, served), ['stamp']);
});

test('a list is adopted without a policy that can\'t be had, or is another', () => {
  const request = { origin: 'https://shop.example', method: 'GET', path: '/store/carts' };
  const later = now + 2_000;
  for (const policy of ['its own', undefined, new Uint8Array(7)]) {
    const verifier = new Verifier({ root, secrets });
    updated(verifier, files(lists.withPolicies));
    const { code } = verifier.verify(tokens.publishable, { now, request });
    assert.equal(code, 'policy_unavailable');
    updated(verifier, files(lists.withPolicies));
    assert.equal(verifier.verify(tokens.publishable, { now, request }).ok, true);
    const { number } = verifier.status({ now }).list;
    const served = Object.entries(files(lists.policiesEdited)).map(([name, file]) => [name, /^p/.test(name) && policy !== 'its own' ? policy : file]);
    const rounds = updated(verifier, Object.fromEntries(served), later);
    assert.ok(rounds.some((round) => round.includes('policies')), rounds.join('\n'));
    assert.ok(verifier.status({ now: later }).list.number > number);
    const after = verifier.verify(tokens.publishable, { now: later, request });
    assert.equal(after.code === 'policy_unavailable', policy !== 'its own', after.code);
  }
});

test('a file that is refused, or without which nothing goes on, is an error, and what was held stays', () => {
  const verifier = new Verifier({ root, bundle: bytes(lists.first.bundle), now });
  const held = verifier.status({ now });
  const refused = (given, code, at = now) => assert.throws(() => verifier.update(given, { now: at }), (error) => error instanceof PortcullisError && error.code === code, code);
  const keyring = bytes(fixtures.keyrings[0]);
  refused({ keyring, stamp: new Uint8Array(3) }, 'list_unreadable');
  refused({ keyring: new Uint8Array(3), stamp: new Uint8Array(3) }, 'keyring_unreadable');
  refused({ keyring, stamp: null }, 'source_missing');
  assert.throws(() => new Verifier({ root }).update({ bundle: null, keyring: null }, { now }), ({ code }) => code === 'source_missing');
  const served = files(lists.second);
  const wrong = Object.fromEntries(Object.entries(served).map(([name, file]) => [name, name.startsWith('heads/') ? new Uint8Array(file.length) : file]));
  refused({ ...wrong, keyring }, 'list_wrong_digest');
  assert.deepEqual(verifier.status({ now }), held);
});

test('files have an issuer\'s names, and are bytes or null', () => {
  const verifier = make();
  for (const [given, what] of [
    [{ stampp: null }, /`stampp` is no file of an issuer; did you mean `stamp`\?/],
    [{ 'heads/x': null }, /`heads\/x` is no file of an issuer/],
    [{ [`heads/${'A'.repeat(64)}`]: null }, /is no file of an issuer; give files by the names that `update` returns/],
    [{ stamp: 'x' }, /`stamp` is a Uint8Array or an ArrayBuffer, or null/],
    [null, /plain object/], [undefined, /plain object/], [new Map(), /plain object/], [Object.create({ stamp: null }), /plain object/],
  ]) assert.throws(() => verifier.update(given, { now }), (error) => error instanceof TypeError && what.test(error.message), String(what));
  assert.equal(verifier.update({ stamp: undefined }, { now }).at(-1).name, 'stamp');
});

test('the types are those of index.d.ts, and those that wasm-bindgen writes', () => {
  assert.ok(readFileSync(FILES.shared, 'utf8') === shared(), 'run: node wasm/bindgen/types.mjs');
  const written = readFileSync(new URL('../dist/bindgen.d.ts', import.meta.url), 'utf8');
  assert.ok(readFileSync(FILES.entry, 'utf8') === entry(written), 'run: node wasm/bindgen/types.mjs');
  assert.doesNotMatch(entry(written), /\bany\b(?! )/);
});
