// The package's objects can be wrapped: each method and getter of a wrapper does the same as that of the wrapped
// object, and neither shows a secret. A new class must be listed below.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { createVerifier, httpSource } from 'portcullis';
import { createAssertionVerifier } from 'portcullis/assertion';
import { Verifier as Bound } from 'portcullis/bindgen';
import { apiKey as forExpress } from 'portcullis/express';
import { protect } from 'portcullis/fetch';
import { createIssuer } from 'portcullis/issuer';
import { withApiKey } from 'portcullis/next';
import { createVerifier as createPure } from 'portcullis/pure';
import { createStatusChecker } from 'portcullis/status-list';
import { assertionOf, keyOf, keyringOf } from './assertion-files.mjs';
import { bytes, files, fixtures, lists, now, root, tokens } from './support.mjs';
import { members, shown, WRAPPERS } from './wrappers.mjs';

// Every class of the package, by the use of its instances.
const CLASSES = {
  // Users hold instances; `wrappable` makes the class.
  held: ['ApiKeyModuleService', 'AssertionVerifier', 'Events', 'Keys', 'Pages', 'StatusChecker', 'Verifier'],
  // Users hold instances; the class has no private fields.
  plain: ['IssuerError', 'Key', 'PortcullisError'],
  // Users get no instance.
  inner: ['KeyChanges', 'Bits', 'Copy', 'StatusError', 'Engine', 'Fallback', 'CopySync', 'Hashes', 'AssertionKeyring', 'KeyVerifier',
    'Refresher', 'KeyLister', 'IssuerLister', 'UserError', 'WasmEngine', 'OldTables', 'Policies', 'IssuerConnection', 'Reader', 'RecordCache',
    'Refusal', 'Report', 'Slots', 'Transport', 'ListStore', 'Unreadable', 'Update'],
};
// The exports of the entries. An instance of each holder is made below, or in the test that `elsewhere` names.
const EXPORTS = {
  holders: ['createAssertionVerifier', 'createIssuer', 'createStatusChecker', 'createVerifier', 'httpSource', 'Verifier'],
  elsewhere: { 'portcullis/medusa': 'tests/medusa/wrapped.test.mjs' },
  // Functions that return functions, answers or nothing.
  others: ['apiKey', 'covers', 'engine', 'init', 'protect', 'readCaller', 'requireKind', 'requireScopes', 'withApiKey'],
  errors: ['IssuerError', 'PortcullisError'],
};
// Exports that Node doesn't resolve or can't load.
const NOT_FOR_NODE = ['portcullis/package.json', 'portcullis/streaming', 'portcullis/verifier.wasm'];

const SECRET = fixtures.secret;
const ADMIN_KEY = 'sk_live_averysecretadminkey';
const secrets = [{ kid: 1, secret: SECRET }];
const bundle = bytes(lists.first.bundle);
const keyring = keyringOf({ notAfter: now + 1e9, signers: [{ kid: 9, seed: 9 }] });
const asserted = { headers: { 'portcullis-assertion': assertionOf({ at: now }) } };
const request = new Request('https://api.example/', { headers: { 'x-api-key': tokens.test } });
const answer = { id: 'apk_1', keys: [{ id: 'apk_1' }], events: [], owners: [], policies: [], bulk_revocations: [], webhooks: [], deliveries: [] };
const source = { get: async (name) => files(lists.first)[name] };
const verifier = (create) => () => create({ root, secrets, bundle, now, source });
const issuer = () => createIssuer({ url: 'https://keys.example', adminKey: ADMIN_KEY, fetch: async () => Response.json(answer) });
const OF_A_VERIFIER = {
  verify: [tokens.test, { now }], authenticate: [request, { now }], adopt: [bundle, { now }], refresh: [{ now }], status: [{ now }],
};
const BY_ID = ['1', {}];
const OF_KEYS = {
  create: [{ title: 'a' }], list: [{}], get: ['1'], update: BY_ID, upsert: [[{ id: '1' }]], revoke: ['1'], revokeMany: [{ ids: ['1'] }],
  suspend: ['1'], resume: ['1'], roll: ['1'], changeSalesChannels: BY_ID, delete: ['1'], deleteMany: [['1']], undo: ['1'],
  undoMany: [['1']], authenticate: ['x'], import: ['{}'],
};
const OF_ITS_PARTS = {
  create: [{}], list: [], get: ['1'], update: BY_ID, delete: ['1'], change: [{}], report: [[]], show: [], publish: [], lift: ['1'],
  labels: [], verify: ['x'], revokeHeld: ['x'], live: [], ready: [], rotateSecret: ['1'], replay: BY_ID, deliveries: ['1'],
};

// For each kind of object: how to make it, and the arguments for each member.
const HELD = {
  'a verifier': { make: verifier(createVerifier), calls: OF_A_VERIFIER },
  'a verifier in JavaScript': { make: verifier(createPure), calls: OF_A_VERIFIER },
  'a verifier by wasm-bindgen': {
    make: () => new Bound({ root, secrets, bundle, now }),
    calls: { verify: [tokens.test, { now }], adopt: [bundle, { now }], update: [{}, { now }], status: [{ now }] },
  },
  'a key of a verdict': { make: () => verifier(createVerifier)().verify(tokens.test, { now }).key, calls: { name: [], toJSON: [] } },
  'a key of a verdict in JavaScript': { make: () => verifier(createPure)().verify(tokens.test, { now }).key, calls: { name: [], toJSON: [] } },
  'a verdict that refuses': { make: () => verifier(createVerifier)().authenticate({ headers: {} }, { now }), calls: { response: [] } },
  'a source': {
    make: () => httpSource('https://keys.example', { fetch: async () => new Response('x'), privateHeaders: { authorization: ADMIN_KEY } }),
    calls: { get: ['stamp', 1024] },
  },
  'a verifier of assertions': {
    make: () => createAssertionVerifier({ root: keyOf(1).text, audience: 'origin.example', keyring, source: { get: async () => keyring } }),
    calls: { verify: [asserted, { now }], authenticate: [asserted, { now }], adopt: [keyring], refresh: [{ now }], status: [] },
  },
  'a checker of status lists': {
    make: () => createStatusChecker({ key: { kty: 'OKP' }, fetch: async () => new Response(null, { status: 404 }) }),
    calls: { check: [{ status: { status_list: { uri: 'https://status.example/1', idx: 0 } } }, { now }] },
  },
  'the keys of an issuer': { make: () => issuer().keys, calls: OF_KEYS },
  'the events of an issuer': { make: () => issuer().events, calls: { list: [{}], follow: [{}] } },
  'pages of an issuer': { make: () => issuer().keys.list(), calls: { page: [], pages: [], toArray: [], [Symbol.asyncIterator]: [] } },
  'an issuer': { make: issuer, calls: { verify: ['x'], revokeHeld: ['x'] } },
  ...Object.fromEntries(['owners', 'policies', 'bulkRevocations', 'webhooks', 'admins', 'settings', 'usage', 'keyring', 'list', 'health'].map((part) => [
    `${part} of an issuer`, { make: () => issuer()[part], calls: Object.fromEntries(members(issuer()[part]).map((name) => [name, OF_ITS_PARTS[name]])) },
  ])),
};

// The outcome of a call or a getter.
async function outcome(it, name, given) {
  try {
    const value = await (typeof it[name] === 'function' ? it[name](...given) : it[name]);
    known(value);
    if (typeof value?.toArray === 'function') return `pages ${JSON.stringify(await value.toArray())}`;
    if (typeof value?.next === 'function') return `went ${typeof (await value.return())}`;
    return value instanceof Response ? `status ${value.status}` : String(JSON.stringify(value));
  } catch (error) {
    return `threw ${error.name} ${error.code}: ${error.message}`;
  }
}

// Checks that a returned object's class is listed above.
function known(value) {
  if (typeof value !== 'object' || value === null || Symbol.asyncIterator in value || ArrayBuffer.isView(value)) return;
  const { name } = value.constructor ?? Object;
  const builtIn = [Object, Array, Response, Error, Date, Promise].some((one) => one === value.constructor);
  assert.ok(builtIn || [...CLASSES.held, ...CLASSES.plain].includes(name), `${name} is handed out: wrap it, and place it in CLASSES`);
  if (builtIn && !(value instanceof Response)) for (const one of Object.values(value)) known(one);
}

for (const [what, { make, calls }] of Object.entries(HELD)) {
  test(`${what}: each member is called below`, async () => {
    const it = await make();
    known(it);
    assert.deepEqual(new Set(members(it)), new Set(Reflect.ownKeys(calls)));
    for (const name of Reflect.ownKeys(calls)) {
      assert.doesNotMatch(await outcome(await make(), name, calls[name]), /^threw (?!PortcullisError)/, String(name));
    }
  });

  for (const [how, wrap] of Object.entries(WRAPPERS)) {
    test(`${what}, in ${how}`, async () => {
      for (const name of Reflect.ownKeys(calls)) {
        const wrapped = wrap(await make());
        // Twice, because a first call may do more than the second.
        for (let round = 0; round < 2; round += 1) {
          assert.equal(await outcome(wrapped, name, calls[name]), await outcome(await make(), name, calls[name]), String(name));
        }
      }
    });
  }

  test(`${what}: nothing that is printed or listed holds a secret`, async () => {
    for (const wrap of [(it) => it, ...Object.values(WRAPPERS)]) {
      const text = shown(wrap(await make()));
      for (const secret of [SECRET, ADMIN_KEY, Buffer.from(SECRET, 'base64url').toString('hex')]) assert.ok(!text.includes(secret), text);
    }
  });
}

for (const [how, wrap] of Object.entries(WRAPPERS)) {
  test(`middleware takes a verifier in ${how}, and a verifier a source`, async () => {
    const wrapped = wrap(verifier(createVerifier)());
    const options = { now };
    for (const make of [protect, withApiKey]) assert.equal((await make(wrapped, () => new Response('reached'), options)(request)).status, 200);
    const incoming = { headers: { 'x-api-key': tokens.test }, method: 'GET', url: '/' };
    await new Promise((resolve, reject) => {
      forExpress(wrapped, options)(incoming, { writeHead: reject }, resolve);
    });
    const behind = createVerifier({ root, source: wrap({ get: source.get }) });
    assert.equal((await behind.refresh({ now })).freshness, 'fresh');
    const assertions = wrap(createAssertionVerifier({ root: keyOf(1).text, audience: 'origin.example', keyring }));
    // A copy lacks the internal list of options.
    if (how.startsWith('an object with')) return;
    assert.throws(() => forExpress(assertions, { address: () => null }), TypeError, 'it still knows which options are its own');
  });
}

test('every class in the sources has its place', () => {
  const folder = new URL('../js/', import.meta.url);
  const names = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.js'));
  const found = new Set();
  for (const name of names) {
    const text = readFileSync(new URL(name.replaceAll('\\', '/'), folder), 'utf8');
    for (const [, call, one] of text.matchAll(/^.*?(wrappable\()?\bclass ([A-Z]\w*)[^'"\n]*\{$/gm)) {
      found.add(one);
      if (CLASSES.held.includes(one)) assert.equal(call, 'wrappable(', `${one} of ${name} is held by users`);
    }
  }
  assert.deepEqual([...found].sort(), Object.values(CLASSES).flat().sort());
});

test('every export of every entry has its place', async () => {
  const { exports } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const places = [EXPORTS.holders, EXPORTS.others, EXPORTS.errors].flat();
  for (const entry of Object.keys(exports).map((name) => name.replace('.', 'portcullis'))) {
    if (NOT_FOR_NODE.includes(entry)) continue;
    if (EXPORTS.elsewhere[entry] !== undefined) {
      const text = readFileSync(new URL(`../../${EXPORTS.elsewhere[entry]}`, import.meta.url), 'utf8');
      assert.ok(text.includes('WRAPPERS'), entry);
      continue;
    }
    const names = Object.keys(await import(entry)).filter((name) => name !== 'default');
    for (const name of names) assert.ok(places.includes(name), `${name} of ${entry}: place it in EXPORTS, and make one in HELD if it can be held`);
  }
});
