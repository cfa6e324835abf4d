// Runs the main flows with a polluted Object.prototype and prints their outcomes, for pollution.test.mjs.

import { deflateSync, inflateSync } from 'node:zlib';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { createVerifier, httpSource } from 'portcullis';
import { createAssertionVerifier } from 'portcullis/assertion';
import { Verifier as Bound } from 'portcullis/bindgen';
import { readCaller } from 'portcullis/caller';
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
import { own, property } from '../js/shared/property.js';
import { bytes, files, fixtures, lists, now, root, tokens } from './support.mjs';

const URI = 'https://status.example/1';
const secrets = [{ kid: 1, secret: fixtures.secret }];
const bundle = bytes(lists.withPolicies.bundle);
const served = files(lists.withPolicies);
const keyring = keyringOf({ notAfter: now + 1e9, signers: [{ kid: 9, seed: 9 }] });
const audience = 'origin.example';
const origin = { origin: 'https://shop.example' };
const incoming = (token, path = '/store/carts') => ({ headers: { ...origin, 'x-api-key': token }, method: 'GET', url: path });
const asserted = { headers: { 'portcullis-assertion': assertionOf({ at: now, scopes: 'orders:read' }) } };
const line = 'key=apk_L3sB1aaMz2uK24WBLB1hcf, issuer=iss_0123456789ALygHa16AHYF, kind=secret, environment=live, list=42, freshness=fresh';

const stranger = await generateKeyPair('Ed25519', { extractable: true });
const strange = { ...(await exportJWK(stranger.publicKey)), kid: 'a' };
const { publicKey, privateKey } = await generateKeyPair('Ed25519', { extractable: true });
const jwk = await exportJWK(publicKey);
const statusList = (key, iat = now / 1000 - 10) => new SignJWT({ sub: URI, iat, status_list: { bits: 1, lst: deflateSync(Buffer.of(2)).toString('base64url') } })
  .setProtectedHeader({ alg: 'EdDSA', typ: 'statuslist+jwt' }).sign(key);
const [good, forged] = [await statusList(privateKey), await statusList(stranger.privateKey)];

// `calmly` removes the pollution while other code runs: only the package's own code is tested with it.
let polluting = [];
const write = ({ name, value }) =>
  Object.defineProperty(Object.prototype, name, Object.assign(Object.create(null), { value, writable: true, configurable: true, enumerable: true }));
function calmly(act) {
  const before = polluting;
  for (const { name } of before) delete Object.prototype[name];
  try {
    return act();
  } finally {
    before.forEach(write);
  }
}

// Node's own Response, streams and import of keys fail if Object.prototype has `get` or `signal`. These stand-ins have
// the members that the package uses.
const streamOf = (content) => {
  const left = content === null ? [] : [content];
  return { getReader: () => ({ read: async () => ({ done: left.length === 0, value: left.pop() }), cancel: async () => {} }), cancel: async () => {} };
};
globalThis.DecompressionStream = class {};
const importKey = crypto.subtle.importKey.bind(crypto.subtle);
crypto.subtle.importKey = (...given) => calmly(() => importKey(...given));
globalThis.Response = class {
  constructor(body, init) {
    const { status = 200, headers = {} } = own(init);
    const content = typeof body === 'string' ? Buffer.from(body) : body;
    const inflated = () => streamOf(calmly(() => inflateSync(content)));
    const stream = Object.assign(streamOf(content), { pipeThrough: inflated });
    Object.assign(this, { status, ok: status < 300, headers: new Map(Object.entries(headers)), body: stream, text: async () => String(content) });
  }
};

// A `fetch` for a source or a client that records its requests.
const fetching = (answer) => {
  const asked = [];
  const fetch = async (address, init) => {
    asked.push([address, init.method, init.redirect, init.headers && Object.entries(init.headers), init.body].join(' '));
    return calmly(() => answer(address));
  };
  return { asked, fetch };
};

// A store with an inherited method.
class Folder {
  async get(name) {
    if (served[name] === undefined) throw Object.assign(new Error(name), { status: 404 });
    return served[name];
  }
}

// The own properties of a verdict.
function outcome(verdict) {
  const at = (...names) => names.reduce((value, name) => (name === 'name' ? value?.name : property(value, name)), verdict);
  return [at('ok'), at('code'), at('key', 'name'), at('key', 'kind'), at('grant', 'scopes'), at('list', 'freshness'), at('problem', 'status'), at('problem', 'body'),
    at('problem') && Object.entries(at('problem', 'headers'))].map(String).join(' ');
}

// The flows that need no source.
function offlineFlowsOf(name, create) {
  const offline = () => create({ root, secrets, bundle, now });
  const each = (flow) => {
    const verifier = offline();
    return Object.values(tokens).map((token) => outcome(flow(verifier, token))).join('\n');
  };
  const facts = { ...origin, method: 'GET', path: '/store/carts' };
  return {
    [`${name}: verify`]: () => each((verifier, token) => verifier.verify(token, { now })),
    [`${name}: verify without options`]: () => outcome(offline().verify(tokens.publishable)),
    [`${name}: verify of a kind`]: () => each((verifier, token) => verifier.verify(token, { now, kind: 'secret', environment: 'live' })),
    [`${name}: verify for a request`]: () => each((verifier, token) => verifier.verify(token, { now, request: facts })),
    [`${name}: verify for a request of no facts`]: () => each((verifier, token) => verifier.verify(token, { now, request: {} })),
    [`${name}: status`]: () => JSON.stringify(offline().status({ now }).list.freshness) + offline().adopt(bundle, { now }),
    [`${name}: a secret without a kid`]: () => {
      try {
        return create({ root, secrets: [{}] });
      } catch (error) {
        return error.message;
      }
    },
  };
}

function flowsOf(name, create) {
  const offline = () => create({ root, secrets, bundle, now });
  return {
    ...offlineFlowsOf(name, create),
    [`${name}: authenticate`]: async () => {
      const verifier = create({ root, secrets, source: new Folder() });
      const found = [];
      for (const token of Object.values(tokens)) found.push(outcome(await verifier.authenticate(incoming(token), { now })));
      return found.join('\n');
    },
    [`${name}: authenticate without a key`]: async () => outcome(await offline().authenticate({ headers: {} }, { now })),
    [`${name}: authenticate with scopes`]: async () =>
      outcome(await create({ root, secrets, source: new Folder() }).authenticate(incoming(tokens.publishable), { now, scopes: 'admin:all' })),
    [`${name}: authenticate without a target`]: async () =>
      outcome(await create({ root, secrets, source: new Folder() }).authenticate({ headers: incoming(tokens.publishable).headers }, { now })),
    [`${name}: refresh over HTTP`]: async () => {
      const { asked, fetch } = fetching((address) => new Response(Buffer.from(served[address.split('portcullis/')[1]])));
      const verifier = create({ root, secrets, source: httpSource('https://keys.example', { fetch, privateHeaders: { authorization: 'x' } }) });
      const { freshness } = await verifier.refresh({ now });
      return [freshness, ...asked].join('\n');
    },
    [`${name}: no source`]: async () => create({ root }).refresh({ now }).catch(({ code }) => code),
    [`${name}: a source that is none`]: () => {
      try {
        return create({ root, source: {} });
      } catch (error) {
        return error.message;
      }
    },
  };
}

// Each middleware, with the responses to some requests.
function middlewareOf(name, verifier, requests) {
  const handler = (request, { key }) => calmly(() => new Response(key.name));
  const answered = async (response) => [response.status, await response.text(), ...response.headers].join(' ');
  const express = (run, request) => new Promise((resolve, reject) => {
    const response = {
      writeHead: (status, headers) => ({ end: (body) => resolve([status, body, ...Object.entries(headers)].join(' ')) }),
    };
    run(request, response, (error) => (error ? reject(error) : resolve(`went on ${request.portcullis.key.name}`)));
  });
  const fastify = async (plugin, demand, request) => {
    const hooks = [];
    plugin?.({ hasRequestDecorator: () => true, addHook: (_, hook) => hooks.push(hook) }, {}, () => {});
    const reply = { code: (status) => ({ headers: (headers) => ({ send: (body) => [status, body, ...Object.entries(headers)].join(' ') }) }) };
    for (const hook of [...hooks, demand]) {
      const sent = await hook(request, reply);
      if (sent !== undefined) return sent;
    }
    return `went on ${request.portcullis.key.name}`;
  };
  const hono = async (request) => {
    const kept = new Map();
    const c = { req: { raw: request }, get executionCtx() { throw new Error('none'); }, get: (name) => kept.get(name), set: (name, value) => kept.set(name, value) };
    let reached;
    const last = async () => { reached = `went on ${kept.get('portcullis').key.name}`; };
    const response = await forHono.apiKey(verifier, { now })(c, () => forHono.requireScopes('orders:read')(c, last));
    return reached ?? (response ? answered(response) : 'nothing');
  };
  const flows = {};
  for (const [which, headers] of Object.entries(requests)) {
    const request = new Request('https://api.example/store/carts', { headers });
    const node = () => ({ headers: { ...headers }, method: 'GET', url: '/store/carts', raw: {} });
    flows[`${name}, fetch: ${which}`] = async () => answered(await forFetch.protect(verifier, handler, { now })(request));
    flows[`${name}, next: ${which}`] = async () => answered(await forNext.apiKey(verifier, { now })(request));
    flows[`${name}, express: ${which}`] = () => express(forExpress.apiKey(verifier, { now }), node());
    flows[`${name}, fastify: ${which}`] = () => fastify(forFastify.apiKey(verifier, { now }), forFastify.requireScopes('orders:read'), { ...node(), originalUrl: '/store/carts' });
    flows[`${name}, hono: ${which}`] = () => hono(request);
  }
  flows[`${name}, express: a demand alone`] = () => express(forExpress.requireScopes('admin:all'), incoming('x'));
  flows[`${name}, fastify: a demand alone`] = () => fastify(undefined, forFastify.requireScopes('admin:all'), incoming('x'));
  flows[`${name}, fetch: a demand alone`] = () => String(forFetch.requireScopes('admin:all')({}));
  return flows;
}

const checking = (key, token) => async () => {
  const { asked, fetch } = fetching(() => new Response(token));
  const status = createStatusChecker({ key, fetch });
  const found = [];
  for (const claims of [{ status: { status_list: { uri: URI, idx: 0 } } }, { status: { status_list: { uri: URI, idx: 1 } } }, {}, { status: {} }]) {
    const { ok, code, status: said, list } = own(await status.check(claims, { now }));
    found.push([ok, code, said, list?.freshness, list?.expiresAt].map(String));
  }
  return [...found, ...asked].join('\n');
};

const calling = (act, body = { keys: [], next_cursor: null, count: null, ok: true }) => async () => {
  const { asked, fetch } = fetching(() => new Response(JSON.stringify(body)));
  const api = createIssuer({ url: 'https://keys.example', adminKey: 'admin', fetch });
  await act(api);
  return asked.join('\n');
};

const fixed = createVerifier({ root, secrets, source: new Folder() });
await fixed.refresh({ now });
const assertions = createAssertionVerifier({ root: keyOf(1).text, audience, keyring });
const medusa = { url: 'https://keys.example', adminKey: 'x', root };

const flows = {
  ...flowsOf('wasm', createVerifier),
  ...flowsOf('pure', createPure),
  ...offlineFlowsOf('bindgen', (options) => new Bound(options)),
  'bindgen: update': () => {
    const verifier = new Bound({ root, secrets });
    const [rounds, held] = [[], {}];
    for (let wanted; (wanted = verifier.update(held, { now })).length > 0;) {
      rounds.push(wanted.map(({ name, longest }) => `${name} ${longest}`));
      for (const { name } of wanted) held[name] = name === 'bundle' ? null : served[name];
    }
    return [...rounds, outcome(verifier.verify(tokens.publishable, { now, request: { ...origin, path: '/store/carts' } }))].join('\n');
  },
  ...middlewareOf('keys', fixed, { 'a good key': { ...origin, 'x-api-key': tokens.publishable }, 'a revoked key': { ...origin, 'x-api-key': tokens.suspended }, 'no key': {} }),
  ...middlewareOf('assertions', assertions, { 'a good one': asserted.headers, none: {} }),
  'assertion: verify': async () => outcome(await assertions.verify(asserted, { now })),
  'assertion: none': async () => outcome(await assertions.verify({}, { now })),
  'assertion: of another audience': async () => {
    const elsewhere = createAssertionVerifier({ root: keyOf(1).text, audience: 'elsewhere.example', keyring });
    return outcome(await elsewhere.verify(asserted, { now }));
  },
  'assertion: no keyring': async () => outcome(await createAssertionVerifier({ root: keyOf(1).text, audience }).authenticate(asserted, { now })),
  'assertion: a scope that is not granted': async () => outcome(await assertions.authenticate(asserted, { now, scopes: 'admin:all' })),
  'caller: a good one': () => String(readCaller(new Headers({ portcullis: line }))?.key.name) + readCaller({ headers: { portcullis: line } })?.key.name,
  'caller: nobody': () => String(readCaller({})) + String(readCaller({ headers: {} })) + String(readCaller(new Headers())),
  'status: a key': checking(jwk, good),
  'status: a CryptoKey': checking(publicKey, good),
  'status: a set': checking({ keys: [jwk] }, good),
  'status: forged': checking(jwk, forged),
  'status: forged, with a CryptoKey': checking(publicKey, forged),
  'issuer: create': calling((api) => api.keys.create({ title: 'a' }, { idempotencyKey: 'k' })),
  'issuer: list': calling((api) => api.keys.list({ state: 'active' }).toArray()),
  'issuer: revoke': calling((api) => api.keys.revoke('a')),
  'issuer: revoke many': calling((api) => api.keys.revokeMany({ ids: ['a'] })),
  'issuer: upsert': calling((api) => api.keys.upsert([{ title: 'a', metadata: { tags: ['b', {}] } }])),
  'issuer: verify': calling((api) => api.verify('x')),
  'issuer: authenticate': calling((api) => api.keys.authenticate('x', { kind: 'secret' })),
  'issuer: import': calling((api) => api.keys.import('')),
  'issuer: lift': calling((api) => api.bulkRevocations.lift(1)),
  'issuer: deliveries': calling((api) => api.webhooks.deliveries('a').page(), { deliveries: [] }),
  'issuer: a refusal': () => createIssuer({ url: 'https://keys.example', adminKey: 'admin', retries: 0, fetch: async () => calmly(() => new Response('', { status: 500 })) })
    .list.show().catch(({ code, status, problem, retryAfter, attempts }) => [code, status, problem, retryAfter, attempts].join(' ')),
  'medusa: settings': () => String(Object.entries(settings(medusa)).map(([name, value]) => [name, name === 'client' ? Object.entries(value) : value])),
  'medusa: no address': () => {
    try {
      return settings({});
    } catch (error) {
      return error.message;
    }
  },
};

async function run() {
  const outcomes = {};
  for (const [name, flow] of Object.entries(flows)) {
    try {
      outcomes[name] = await flow();
    } catch (error) {
      outcomes[name] = `threw ${error.name}: ${error.message}`;
    }
  }
  return outcomes;
}

const realNow = Date.now;
// The flows that pass no time run at the time of the fixtures.
Date.now = () => now;

const clean = await run();
// Read after the first run, because a middleware registers its options when it is created.
const options = new Set([...CALLS.values()].flat());
const OTHERS = ['get', 'then', 'value', 'writable', 'toJSON', 'keys', 'portcullis', 'originalUrl', 'headers', 'authenticate', 'ok', 'code', 'bearer',
  'again', 'longer', 'crit', 'exp', 'ttl', 'hash', 'realm', 'policies', 'ranges', 'longestPause'];
const names = [...new Set([...options, ...OTHERS])];
const evil = { ok: true, key: { kind: 'secret', name: 'evil' }, grant: { scopes: ['*'], salesChannels: [] } };
const values = {
  'null': null, 'true': true, 'zero': 0, 'a number': now + 1e9, 'NaN': NaN, 'nothing': '', 'a text': 'test', 'a code': 'policy_unavailable', 'a kind': 'publishable', 'a path': '/admin',
  'a key': tokens.suspended, 'an object': {}, 'a list': ['admin:all'], 'a verdict': evil, 'bytes': bytes(lists.first.bundle), 'a key set': [strange], 'a JWK': strange,
  'a source': { get: async () => new Uint8Array() }, 'a signal': AbortSignal.abort(), 'a function': () => tokens.suspended, 'a function that throws': () => { throw new Error('called'); },
};
const runs = [];

async function polluted(these) {
  polluting = these;
  these.forEach(write);
  try {
    return await run();
  } finally {
    for (const { name } of these) delete Object.prototype[name];
    polluting = [];
  }
}

for (const [said, value] of Object.entries(values)) {
  // JavaScript itself calls a callable `then` of every awaited Response.
  const these = names.filter((name) => name !== 'then' || typeof value !== 'function');
  runs.push({ value: said, names: 'all of them', outcomes: await polluted(these.map((name) => ({ name, value }))) });
}
// Synchronous results are not awaited, so a callable `then` must change nothing.
const outcomes = {};
write({ name: 'then', value: (resolve) => resolve(evil) });
for (const [name, flow] of Object.entries(flows)) {
  if (/: (?:verify|status|a secret|a source)/.test(name) && flow.constructor.name === 'Function') outcomes[name] = flow();
}
delete Object.prototype.then;
runs.push({ value: 'a function', names: 'then', outcomes });
Date.now = realNow;
process.stdout.write(JSON.stringify({ names, clean, runs }));
