// A shared cache between the gate and its origin, and one before the gate: each tenant has the answer that is
// its own.
//
// The cache is Apache's mod_cache, which is a shared cache as RFC 9111 has it: it stores nothing of a request with
// `Cache-Control: no-store`, nothing `private`, and the answer to `Authorization` only if that says so. nginx
// and Varnish would ignore the request's `Cache-Control`.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { startApache } from './support/apache.mjs';
import { startGate } from './support/gate.mjs';
import { fetchBytes, listen } from './support/http.mjs';
import { startIssuer } from './support/issuer.mjs';
import { until } from './support/processes.mjs';
import { identityOf } from './support/identity-header.mjs';

const ROUTES = [
  { path: '/store/**', kinds: ['publishable'] },
  { path: '/shared/**', shared_cache: true },
  { path: '/**' },
];

const missing = process.env.PORTCULLIS_APACHE ? false : 'PORTCULLIS_APACHE is not set: there is no cache';

/** An origin whose answers may be kept for a minute, and say for whom they are. */
async function startTenants() {
  const origin = await listen((incoming, outgoing) => {
    origin.asked += 1;
    outgoing.setHeader('cache-control', 'max-age=60');
    outgoing.end(identityOf(incoming.headers)?.key ?? 'nobody');
  });
  return Object.assign(origin, { asked: 0 });
}

const PLACES = {
  Authorization: ({ token }) => ({ authorization: `Bearer ${token}` }),
  'X-API-Key': ({ token }) => ({ 'x-api-key': token }),
  'x-publishable-api-key': ({ token }) => ({ 'x-publishable-api-key': token }),
};

let settings, secret, publishable;

before(async () => {
  assert.ok(!missing || !/^(true|1)$/.test(process.env.CI ?? ''), missing);
  if (missing) return console.error(`\n  !!! ${missing}\n`);
  const issuer = await startIssuer();
  const make = (...options) => Promise.all([issuer.create(...options), issuer.create(...options)]);
  [secret, publishable] = [await make(), await make('--kind', 'publishable')];
  settings = (originUrl) => ({
    ISSUER_URL: issuer.url,
    ORIGIN_URL: originUrl,
    ROOT: issuer.root,
    HMAC_KEYS: issuer.gateKeys,
    ROUTES: JSON.stringify(ROUTES),
  });
});

/** Starts an origin, a gate and a cache in the order that `where` says; `url` is what clients ask. */
async function startChain(where) {
  const origin = await startTenants();
  const cache = where === 'behind' ? await startApache(origin.url) : undefined;
  const gate = await startGate(settings(cache?.url ?? origin.url));
  const front = cache ? gate : await startApache(gate.url);
  const ask = async (path, headers) => {
    const { status, headers: answered, body } = await fetchBytes(front.url, path, { headers });
    return { status, text: body.toString(), hit: /^HIT/.test(answered['x-cache'] ?? ''), cached: answered['x-cache'] };
  };
  await until(
    'the gate knows the keys',
    async () => (await ask('/ready', PLACES.Authorization(secret[0]))).status === 200,
  );
  return { origin, ask };
}

for (const [where, place] of [
  ['behind', 'between the gate and its origin'],
  ['before', 'before the gate'],
]) {
  describe(`a shared cache ${place}`, { skip: missing }, () => {
    let chain;
    before(async () => (chain = missing ? undefined : await startChain(where)));

    for (const [field, credential] of Object.entries(PLACES)) {
      test(`gives each tenant its own answer, if the key is in ${field}`, async () => {
        const keys = field === 'x-publishable-api-key' ? publishable : secret;
        const path = `/store/${field}`.replace(/^\/store/, keys === publishable ? '/store' : '/orders');
        for (const key of [...keys, ...keys]) {
          const answer = await chain.ask(path, credential(key));
          assert.deepEqual({ status: answer.status, text: answer.text }, { status: 200, text: key.id }, answer.cached);
        }
      });
    }

    test('keeps what a route says is the same for all', async () => {
      const ask = (key) => chain.ask('/shared/prices', PLACES['X-API-Key'](key));
      const first = await ask(secret[0]);
      assert.deepEqual({ status: first.status, hit: first.hit }, { status: 200, hit: false });
      const asked = chain.origin.asked;
      const second = await ask(secret[1]);
      assert.deepEqual({ text: second.text, hit: second.hit }, { text: first.text, hit: true }, second.cached);
      assert.equal(chain.origin.asked, asked);
    });
  });
}
