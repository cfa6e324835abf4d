// A misspelt option would require nothing, so every call that takes options refuses unknown names and values of the
// wrong type.

import assert from 'node:assert/strict';
import test from 'node:test';
import { createContext, runInContext } from 'node:vm';
import { createVerifier, httpSource } from 'portcullis';
import { createAssertionVerifier } from 'portcullis/assertion';
import { Verifier as Bound } from 'portcullis/bindgen';
import * as forExpress from 'portcullis/express';
import * as forFastify from 'portcullis/fastify';
import * as forFetch from 'portcullis/fetch';
import * as forHono from 'portcullis/hono';
import { createIssuer } from 'portcullis/issuer';
import * as forNext from 'portcullis/next';
import { createVerifier as createPure } from 'portcullis/pure';
import { createStatusChecker } from 'portcullis/status-list';
import { settings } from '../js/medusa/options.js';
import { CALLS } from '../js/shared/options.js';
import { assertionOf, keyOf, keyringOf } from './assertion-files.mjs';
import { bytes, fixtures, lists, now, root, tokens } from './support.mjs';

const secrets = [{ kid: 1, secret: fixtures.secret }];
const bundle = bytes(lists.first.bundle);
const verifier = createVerifier({ root, secrets, bundle, now });
const pure = createPure({ root, secrets, bundle, now });
const bound = new Bound({ root, secrets, bundle, now });
const keyring = keyringOf({ notAfter: now + 1e9, signers: [{ kid: 9, seed: 9 }] });
const audience = 'origin.example';
const assertions = createAssertionVerifier({ root: keyOf(1).text, audience, keyring, source: { get: async () => keyring } });
const status = createStatusChecker({ key: { kty: 'OKP' } });
const api = createIssuer({ url: 'https://keys.example', adminKey: 'x', fetch: async () => Response.json({}) });
const request = new Request('https://api.example/', { headers: { 'x-api-key': tokens.test } });
const asserted = { headers: { 'portcullis-assertion': assertionOf({ at: now }) } };
const handler = () => new Response();
const medusa = { url: 'https://keys.example', adminKey: 'x', root };

// Each call with options, by its name in the check of options.
const calls = {
  createVerifier: [(options) => createVerifier({ root, ...options }), (options) => createPure({ root, ...options })],
  secrets: [createVerifier, (options) => new Bound(options)].map((create) => (entry) => create({ root, secrets: [{ ...secrets[0], ...entry }] })),
  verify: [(options) => verifier.verify(tokens.test, options), (options) => pure.verify(tokens.test, options), (options) => bound.verify(tokens.test, options)],
  request: [(facts) => verifier.verify(tokens.test, { request: facts }), (facts) => bound.verify(tokens.test, { request: facts })],
  authenticate: [(options) => verifier.authenticate(request, options), (options) => pure.authenticate(request, options)],
  adopt: [(options) => verifier.adopt(bundle, options), (options) => bound.adopt(bundle, options)],
  refresh: [(options) => createVerifier({ root, source: { get: async () => bundle } }).refresh({ now, ...options })],
  status: [(options) => verifier.status(options), (options) => bound.status(options)],
  httpSource: [(options) => httpSource('https://keys.example', options)],
  apiKey: [forExpress, forFastify, forHono, forNext].flatMap(({ apiKey }) => [(options) => apiKey(verifier, options), (options) => apiKey(pure, options)]),
  protect: [(options) => forFetch.protect(verifier, handler, options)],
  withApiKey: [(options) => forNext.withApiKey(verifier, handler, options)],
  createAssertionVerifier: [(options) => createAssertionVerifier({ root: keyOf(1).text, audience, ...options })],
  'verify of an assertion': [(options) => assertions.verify(asserted, options)],
  'authenticate of an assertion': [(options) => assertions.authenticate(asserted, options)],
  'refresh of a keyring': [(options) => assertions.refresh(options)],
  createStatusChecker: [(options) => createStatusChecker({ key: { kty: 'OKP' }, ...options })],
  check: [(options) => status.check({}, options)],
  createIssuer: [(options) => createIssuer({ url: 'https://keys.example', adminKey: 'x', ...options })],
  'a call of the issuer': [
    (options) => api.keys.get('a', options), (options) => api.keys.list({}, options), (options) => api.owners.list({}, options),
    (options) => api.keys.revoke('a', {}, options), (options) => api.events.list({}, options),
    (options) => api.events.follow({}, options), (options) => api.webhooks.deliveries('a', {}, options), (options) => api.health.live(options),
    (options) => api.policies.update(1, {}, options), (options) => api.revokeHeld('x', options), (options) => api.list.show(options), (options) => api.keyring.labels(options),
  ],
  'keys.create and keys.roll': [
    (options) => api.keys.create({ title: 'a' }, options),
    (options) => api.keys.roll('apk_1', {}, options),
  ],
  'verify and keys.authenticate': [(options) => api.verify('x', options), (options) => api.keys.authenticate('x', options)],
  'what ends keys': [
    (options) => api.keys.delete('a', options), (options) => api.keys.deleteMany(['a'], options),
    (options) => api.keys.undo('a', options), (options) => api.keys.undoMany(['a'], options),
  ],
  'keys.import': [(options) => api.keys.import('', options)],
  'bulkRevocations.lift': [(options) => api.bulkRevocations.lift(1, options)],
  'events.follow': [(filter) => api.events.follow(filter)],
  toArray: [(options) => api.keys.list().toArray({ atMost: 0, ...options })],
  'portcullis/medusa': [(options) => settings({ ...medusa, ...options })],
  fallback: [(fallback) => settings({ ...medusa, fallback: { until: new Date(), ...fallback } })],
};
// The calls of the wasm-bindgen class alone. Its module has the list of names, and reports it with each refusal.
const ofTheClass = {
  Verifier: [(options) => new Bound({ root, ...options })],
  update: [(options) => bound.update({}, options)],
};
// The one option that is a field of a request's body. The issuer checks the body's other fields.
const bodies = { wait: [(body) => api.keys.revoke('a', body), (body) => api.keys.revokeMany({ ids: [], ...body }), (body) => api.bulkRevocations.create({ ...body })] };
// The calls above that merge the given options into an object of their own.
const MERGED = new Set(['createVerifier', 'Verifier', 'secrets', 'refresh', 'createAssertionVerifier', 'createStatusChecker', 'createIssuer', 'toArray', 'portcullis/medusa', 'fallback']);

const whole = {
  createVerifier, createPure, Bound: (options) => new Bound(options), createAssertionVerifier, createStatusChecker, createIssuer, settings, refresh: (options) => assertions.refresh(options),
  toArray: (options) => api.keys.list().toArray(options),
};

// The error that the call throws or rejects with.
async function thrown(call, options) {
  try {
    await call(options);
    return undefined;
  } catch (error) {
    return error;
  }
}

async function refuses(call, options, what) {
  const error = await thrown(call, options);
  assert.ok(error instanceof TypeError, `${what}: ${error}`);
  if (what !== undefined) assert.match(error.message, what);
}

test('each call that takes options is looked at here', () => {
  for (const [name, all] of Object.entries(calls)) if (/^apiKey|^protect|^withApiKey/.test(name)) all[0]();
  assert.deepEqual([...CALLS.keys()].sort(), Object.keys({ ...calls, ...bodies }).sort());
});

const namesOf = async (name) => {
  const own = CALLS.get(name);
  if (own !== undefined) return own;
  const { message } = await thrown(ofTheClass[name][0], { '': 1 });
  return message.split('; there are ')[1].split(', ');
};

for (const [name, all] of Object.entries({ ...calls, ...ofTheClass })) {
  test(`${name}: what it does not know it refuses, by name`, async () => {
    for (const call of all) {
      await refuses(call, { nonsense: 1 }, /^`nonsense` is no option of .*; there are /);
      await refuses(call, { nonsense: undefined }, /`nonsense`/);
      // A symbol is nobody's misspelling. Only Medusa names an option by one.
      if (name === 'portcullis/medusa') await refuses(call, { [Symbol('unknown')]: 1 }, /`Symbol\(unknown\)`/);
      await refuses(call, JSON.parse('{ "__proto__": { "kind": "secret" }, "x": 1 }'), /`__proto__`|`x`/);
      for (const known of await namesOf(name)) {
        await refuses(call, { [`${known}s`]: 1 }, new RegExp(`\`${known}s\` is no option of .*; did you mean \`${known}\`\\?`));
      }
    }
  });

  test(`${name}: what is no plain object has no options`, async () => {
    if (MERGED.has(name)) return;
    class Demand { get kind() { return 'secret'; } }
    for (const call of all) {
      for (const options of [null, 7, 'secret', [], new Map([['kind', 'secret']]), new Date(), new Demand(), Object.create({ kind: 'secret' }),
        Object.create(Object.create(null, { kind: { value: 'secret' } })), () => {}]) await refuses(call, options, /plain object/);
    }
  });

  test(`${name}: each option has a type, and null is of none`, async () => {
    // In these options, null means that a fact is unknown.
    const nullable = new Set(['address', 'origin', 'method', 'path', 'salesChannel']);
    const free = name === 'portcullis/medusa' ? ['timeout', 'retries', 'fetch', 'database'] : [];
    for (const call of all) {
      for (const known of (await namesOf(name)).filter((one) => !free.includes(one))) {
        if (!nullable.has(known)) await refuses(call, { [known]: null }, new RegExp(`\`${known}\` is |plain object`));
        await refuses(call, { [known]: Symbol('x') }, new RegExp(`\`${known}\` is |plain object`));
        if (known !== 'secret') await refuses(call, { [known]: NaN }, new RegExp(`\`${known}\` is |plain object`));
      }
    }
  });
}

test('what Medusa itself writes into a module\'s options is no option, and no mistake', () => {
  const { url } = settings({ ...medusa, database: { debug: false }, [Symbol.for('isSharedConnection')]: true });
  assert.equal(url, medusa.url);
});

for (const [name, call] of Object.entries(whole)) {
  test(`${name}: its options are one plain object`, async () => {
    for (const options of [null, 7, 'x', [], new Map(), Object.create({ root })]) await refuses(call, options, /plain object/);
  });
}

test('the body of a call of the issuer is an object, and its `wait` a number', async () => {
  for (const call of bodies.wait) for (const wait of [null, '10', -1]) await refuses(call, { wait }, /`wait` is a number of seconds/);
  await refuses(() => api.keys.revoke('a', null), undefined, /plain object/);
  for (const filter of [null, 7, []]) await refuses(() => api.keys.list(filter), undefined, /plain object/);
});

test('what is explicitly undefined is not given', async () => {
  const none = { kind: undefined, environment: undefined, now: undefined, freshFor: undefined, request: undefined };
  for (const one of [verifier, bound]) assert.deepEqual(one.verify(tokens.test, { ...none, now }), one.verify(tokens.test, { now }));
  const asked = { scopes: undefined, address: undefined, salesChannel: undefined, getKey: undefined, waitUntil: undefined, now };
  assert.equal((await verifier.authenticate(request, asked)).ok, true);
  assert.equal(createVerifier({ root, keyring: undefined, secrets: undefined, realm: undefined }).verify('').ok, false);
});

test('another realm\'s plain objects, those without a prototype and modules are plain', async () => {
  const foreign = runInContext('({ kind: "secret", now: 0 })', createContext());
  const bare = Object.assign(Object.create(null), { kind: 'secret' });
  const module = await import('data:text/javascript,export const kind = "secret";');
  for (const one of [verifier, bound]) {
    for (const options of [foreign, bare, module]) assert.equal(one.verify(tokens.test, options).ok, false);
    assert.equal(one.verify(tokens.publishable, { ...bare, now }).code, 'wrong_kind');
  }
});

test('what is not enumerable counts all the same', () => {
  const hidden = Object.defineProperty({ now }, 'kind', { value: 'secret' });
  for (const one of [verifier, bound]) assert.equal(one.verify(tokens.publishable, hidden).code, 'wrong_kind');
});

test('a middleware is asked when it is made, by what its verifier knows', async () => {
  const makers = [forExpress.apiKey, forFastify.apiKey, forHono.apiKey, forNext.apiKey,
    (verifier, options) => forFetch.protect(verifier, handler, options), (verifier, options) => forNext.withApiKey(verifier, handler, options)];
  const wrapper = { authenticate: (...given) => verifier.authenticate(...given) };
  for (const make of makers) {
    for (const options of [{ scope: 'admin:write' }, { environments: 'test' }, { kinds: ['secret'] }, { kind: 'secrets' }, { kind: ['secret'] }, { scopes: null },
      { scopes: 'admin:*' }, { scopes: '' }, { scopes: [''] }, { scopes: () => 'a' }, { scopes: {} }, { scopes: 7 }, { now: 'today' }, { salesChannel: 7 },
      { onRefused: 'log' }, { waitUntil: () => {} }, null, 'secret']) {
      for (const subject of [verifier, pure, wrapper, assertions]) assert.throws(() => make(subject, options), TypeError, JSON.stringify(options));
    }
    for (const options of [{ address: '192.0.2.1' }, { getKey: () => 'x' }]) {
      assert.throws(() => make(assertions, options), TypeError);
      make(verifier, options);
    }
    make(verifier);
    make(verifier, { scopes: [], address: null, salesChannel: null });
  }
});

test('scopes that can be gone through but once are asked for at every request', async () => {
  const once = function* once() { yield 'admin:all'; };
  const guarded = forFetch.protect(verifier, () => new Response('reached'), { now, scopes: once() });
  for (let round = 0; round < 3; round += 1) assert.equal((await guarded(request)).status, 403);
});

test('what functions of the options give is looked at too', async () => {
  for (const options of [{ address: () => 7 }, { salesChannel: () => ['sc_1'] }, { salesChannel: async () => 'sc_1' }]) {
    await assert.rejects(verifier.authenticate(request, { now, ...options }), TypeError);
  }
  await assert.rejects(assertions.authenticate(asserted, { now, salesChannel: async () => 'sc_1' }), TypeError);
});

test('the nearest name is told, and all of them when none is near', () => {
  const told = (options) => {
    const all = [verifier, bound].map((one) => {
      try {
        return String(one.verify(tokens.test, options));
      } catch ({ message }) {
        return message;
      }
    });
    assert.equal(all[1], all[0]);
    return all[0];
  };
  assert.equal(told({ env: 'test' }), '`env` is no option of verify; did you mean `environment`?');
  assert.equal(told({ Kind: 'test' }), '`Kind` is no option of verify; did you mean `kind`?');
  assert.equal(told({ enviroment: 'test' }), '`enviroment` is no option of verify; did you mean `environment`?');
  assert.equal(told({ request: { adress: '::1' } }), '`adress` is no option of request; did you mean `address`?');
  assert.equal(told({ z: 1 }), '`z` is no option of verify; there are now, kind, environment, freshFor, request');
  assert.equal(told({ kind: 'secrets' }), 'verify: `kind` is secret or publishable');
  assert.equal(told({ request: { scopes: null } }), 'request: `scopes` is a text like `orders:read`, without wildcards, or a list of them');
});
