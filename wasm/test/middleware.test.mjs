// The middleware in real frameworks: it fails closed, and every framework gives the same answer.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import test from 'node:test';
import express from 'express';
import Fastify from 'fastify';
import { Hono } from 'hono';
import { createVerifier, httpSource } from 'portcullis';
import * as forExpress from 'portcullis/express';
import * as forFastify from 'portcullis/fastify';
import * as forFetch from 'portcullis/fetch';
import * as forHono from 'portcullis/hono';
import * as forNext from 'portcullis/next';
import { close, files, fixtures, issuer, listen, lists, now, root, tokens } from './support.mjs';

const secrets = [{ kid: 1, secret: fixtures.secret }];
const address = () => '192.0.2.1';

// A verifier with a source, at the time of the fixtures.
async function verifierFor(t) {
  const server = await issuer(files(lists.withPolicies));
  t.after(server.close);
  return createVerifier({ root, secrets, source: httpSource(server.url) });
}

// Each app has the same routes. `ask` returns status, headers and text of the response.
const frameworks = {
  async hono(t, verifier, options) {
    const app = new Hono();
    app.use('/store/*', forHono.apiKey(verifier, options));
    app.get('/store/orders', forHono.requireScopes('orders:read'), (c) => c.json({ owner: c.get('portcullis').key.owner }));
    app.get('/store/admin', forHono.requireScopes(['orders:read', 'admin:all']), (c) => c.text('reached'));
    app.get('/store/secret', forHono.requireKind('secret'), (c) => c.text('reached'));
    app.get('/open', forHono.requireScopes('orders:read'), (c) => c.text('reached'));
    app.onError((error, c) => c.text(error.name, 500));
    return (path, headers) => app.request(path, { headers });
  },
  async express(t, verifier, options) {
    const app = express();
    const store = express.Router();
    store.get('/orders', forExpress.requireScopes('orders:read'), (request, response) => response.json({ owner: request.portcullis.key.owner }));
    store.get('/admin', forExpress.requireScopes(['orders:read', 'admin:all']), (request, response) => response.send('reached'));
    store.get('/secret', forExpress.requireKind('secret'), (request, response) => response.send('reached'));
    app.use('/store', forExpress.apiKey(verifier, options), store);
    app.get('/open', forExpress.requireScopes('orders:read'), (request, response) => response.send('reached'));
    app.use((error, request, response, next) => response.headersSent ? next(error) : response.status(500).send(error.name));
    const server = createServer(app);
    const port = await listen(server);
    t.after(() => close(server));
    return (path, headers) => fetch(`http://127.0.0.1:${port}${path}`, { headers });
  },
  async fastify(t, verifier, options) {
    const guard = forFastify.apiKey(verifier, options);
    const app = Fastify();
    t.after(() => app.close());
    app.register(async (store) => {
      store.register(guard);
      store.get('/store/orders', { onRequest: forFastify.requireScopes('orders:read') }, async (request) => ({ owner: request.portcullis.key.owner }));
      store.get('/store/admin', { preHandler: forFastify.requireScopes(['orders:read', 'admin:all']) }, async () => 'reached');
      store.get('/store/secret', { onRequest: forFastify.requireKind('secret') }, async () => 'reached');
    });
    app.get('/open', { onRequest: forFastify.requireScopes('orders:read') }, async () => 'reached');
    app.setErrorHandler((error, request, reply) => reply.code(500).send(error.name));
    return async (path, headers) => {
      const { statusCode: status, headers: answered, body } = await app.inject({ url: path, headers });
      return new Response(body, { status, headers: answered });
    };
  },
  async fetch(t, verifier, options) {
    const routes = {
      '/store/orders': [forFetch.requireScopes('orders:read'), (admitted) => Response.json({ owner: admitted.key.owner })],
      '/store/admin': [forFetch.requireScopes(['orders:read', 'admin:all']), () => new Response('reached')],
      '/store/secret': [forFetch.requireKind('secret'), () => new Response('reached')],
    };
    const handler = forFetch.protect(verifier, (request, admitted) => {
      const [demand, run] = routes[new URL(request.url).pathname];
      return demand(admitted) ?? run(admitted);
    }, options);
    const open = async () => forFetch.requireScopes('orders:read')(undefined);
    return (path, headers) =>
      (path === '/open' ? open() : handler(new Request(`https://api.example${path}`, { headers })))
        .catch((error) => new Response(error.name, { status: 500 }));
  },
  async next(t, verifier, options) {
    const context = { params: Promise.resolve({}) };
    const reached = () => new Response('reached');
    const routes = {
      '/store/orders': forNext.withApiKey(verifier, (request, admitted, given) => {
        assert.equal(given, context);
        return forNext.requireScopes('orders:read')(admitted) ?? Response.json({ owner: admitted.key.owner });
      }, options),
      '/store/admin': forNext.withApiKey(verifier, reached, { ...options, scopes: ['orders:read', 'admin:all'] }),
      '/store/secret': forNext.withApiKey(verifier, reached, { ...options, kind: 'secret' }),
      '/open': async () => forNext.requireScopes('orders:read')(undefined),
    };
    return (path, headers) => routes[path](new Request(`https://api.example${path}`, { headers }), context)
      .catch((error) => new Response(error.name, { status: 500 }));
  },
};

const shop = { origin: 'https://shop.example' };
const bearer = (token) => ({ ...shop, authorization: `Bearer ${token}` });

for (const [name, make] of Object.entries(frameworks)) {
  test(`${name}: only what is admitted gets through`, async (t) => {
    const verifier = await verifierFor(t);
    const refusals = [];
    const ask = await make(t, verifier, { now, onRefused: (refused) => refusals.push(refused.code) });
    const rows = [
      ['/store/orders', bearer(tokens.publishable), 200],
      ['/store/orders', { ...shop, 'x-publishable-api-key': tokens.publishable }, 200],
      ['/store/orders', {}, 401, 'no_key'],
      ['/store/orders', bearer('x'), 401, 'malformed_prefix'],
      ['/store/orders', bearer(tokens.suspended), 401, 'suspended'],
      ['/store/orders', { ...bearer(tokens.publishable), origin: 'https://evil.example' }, 403, 'origin_denied'],
      ['/store/orders', { ...bearer(tokens.publishable), 'x-api-key': tokens.test }, 400, 'two_keys'],
      ['/store/orders?x=/admin', bearer(tokens.publishable), 200],
    ].filter(([path]) => name === 'hono' || name === 'express' || name === 'fastify' || !path.includes('?'));
    for (const [path, headers, status, code] of rows) {
      refusals.length = 0;
      const answer = await ask(path, headers);
      assert.equal(answer.status, status, `${path} ${code}`);
      assert.deepEqual(refusals, code === undefined ? [] : [code]);
      if (status === 200) assert.deepEqual(await answer.json(), { owner: 42 });
      else assert.equal(answer.headers.get('content-type').split(';')[0], 'application/problem+json');
      assert.equal(answer.headers.get('cache-control'), status === 200 ? null : 'no-store');
    }
    const scope = await ask('/store/admin', bearer(tokens.publishable));
    assert.equal(scope.status, 403);
    assert.match(scope.headers.get('www-authenticate'), /error="insufficient_scope", scope="orders:read admin:all"/);
    assert.equal((await ask('/store/secret', bearer(tokens.publishable))).status, 401);
    const open = await ask('/open', bearer(tokens.publishable));
    assert.deepEqual([open.status, await open.text()], [500, 'TypeError'], 'a demand alone lets nobody through');
  });

  test(`${name}: an error of the host's own is no way through`, async (t) => {
    const verifier = await verifierFor(t);
    const broken = { authenticate: () => Promise.reject(new Error('broken')) };
    const ask = await make(t, broken, {});
    assert.equal((await ask('/store/orders', bearer(tokens.publishable))).status, 500);
    const thrown = await make(t, verifier, { now, address: () => { throw new Error('no address'); } });
    assert.equal((await thrown('/store/orders', bearer(tokens.publishable))).status, 500);
    await assert.rejects(make(t, undefined, {}), TypeError);
    await assert.rejects(make(t, verifier, { scopes: ['Orders'] }), TypeError);
  });
}

test('the address comes from the framework, by a function of the options', async (t) => {
  const verifier = await verifierFor(t);
  const app = new Hono();
  app.use(forHono.apiKey(verifier, { now, address: (c) => c.env.address }));
  app.get('/admin', (c) => c.text(c.get('portcullis').grant.rateClass));
  const headers = bearer(tokens.secretWithPolicy);
  assert.equal((await app.request('/admin', { headers }, { address: '192.0.2.1' })).status, 200);
  assert.equal((await app.request('/admin', { headers }, {})).status, 401);

  const fastify = Fastify({ trustProxy: true });
  t.after(() => fastify.close());
  fastify.register(forFastify.apiKey(verifier, { now, address: (request) => request.ip }));
  fastify.get('/admin', async (request) => request.portcullis.grant.rateClass);
  const ask = (from) => fastify.inject({ url: '/admin', headers: { ...headers, 'x-forwarded-for': from } });
  assert.equal((await ask('192.0.2.1')).body, 'gold');
  assert.equal((await ask('192.0.3.1')).statusCode, 401);
});

test('a key may be read from elsewhere, and is no less needed there', async (t) => {
  const verifier = await verifierFor(t);
  const app = new Hono();
  app.use(forHono.apiKey(verifier, { now, getKey: (c) => c.req.query('key') }));
  app.get('/store/x', (c) => c.text('reached'));
  const fastify = Fastify();
  t.after(() => fastify.close());
  fastify.register(forFastify.apiKey(verifier, { now, getKey: (request) => request.query.key }));
  fastify.get('/store/x', async () => 'reached');
  const handler = forFetch.protect(verifier, () => new Response('reached'), {
    now,
    getKey: (request) => new URL(request.url).searchParams.get('key'),
  });
  const asks = [
    async (query, headers) => (await app.request(`/store/x${query}`, { headers })).status,
    async (query, headers) => (await fastify.inject({ url: `/store/x${query}`, headers })).statusCode,
    async (query, headers) => (await handler(new Request(`https://a.example/store/x${query}`, { headers }))).status,
  ];
  for (const ask of asks) {
    assert.equal(await ask(`?key=${tokens.publishable}`, shop), 200);
    assert.equal(await ask('?key=x', shop), 401);
    assert.equal(await ask('?key=', shop), 401);
    assert.equal(await ask('', bearer(tokens.publishable)), 401, 'the headers are not looked at then');
  }
});

test('a wrapper of a verifier keeps its own requirements', async (t) => {
  const verifier = await verifierFor(t);
  // What the middleware was not given must not count as given, and as nothing.
  const strict = { authenticate: (request, options) => verifier.authenticate(request, { kind: 'secret', environment: 'live', ...options }) };
  const passed = [];
  const seen = { authenticate: (request, options) => { passed.push(Object.keys(options)); return verifier.authenticate(request, options); } };
  for (const name of Object.keys(frameworks)) {
    const strictly = await frameworks[name](t, strict, { address, now });
    const { status } = await strictly('/store/orders', { 'x-publishable-api-key': tokens.publishable });
    assert.ok(status === 401 || status === 403, `${name}: ${status}`);
    const plainly = await frameworks[name](t, seen, { now });
    await plainly('/store/orders', { 'x-publishable-api-key': tokens.publishable });
  }
  for (const names of passed) assert.deepEqual(names.filter((one) => one !== 'waitUntil'), ['now']);
});

test('refreshes are kept alive where the host has a way to', async (t) => {
  const verifier = await verifierFor(t);
  await verifier.refresh({ now });
  const kept = [];
  const context = { waitUntil: (promise) => kept.push(promise), passThroughOnException() {} };
  const headers = bearer(tokens.publishable);
  const options = { now: now + 3_000, address };
  const app = new Hono();
  app.use(forHono.apiKey(verifier, options));
  app.get('/store/x', (c) => c.text('reached'));
  assert.equal((await app.request('/store/x', { headers }, {}, context)).status, 200);
  assert.equal(kept.length, 1);
  await Promise.all(kept);
});

test('Next.js\'s middleware answers what is refused and sends the rest on', async (t) => {
  const verifier = await verifierFor(t);
  const middleware = forNext.apiKey(verifier, { now });
  const ask = (headers) => middleware(new Request('https://api.example/store/x', { headers }), { waitUntil() {} });
  assert.equal((await ask(bearer(tokens.publishable))).headers.get('x-middleware-next'), '1');
  const refused = await ask({});
  assert.deepEqual([refused.status, refused.headers.get('x-middleware-next')], [401, null]);
});
