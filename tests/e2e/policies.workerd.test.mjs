// Policies at the gate in real workerd: edited at a real issuer, served by HTTP and Workers KV.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { readCaller } from 'portcullis/caller';

import { startGate } from './support/gate.mjs';
import { startOrigin } from './support/http.mjs';
import { startIssuer } from './support/issuer.mjs';
import { until } from './support/processes.mjs';
import { startKv } from './support/stores.mjs';
import { identityOf } from './support/identity-header.mjs';

let issuer, origin, kv, gate;

const ROUTES = [
  { path: '/open', open: true },
  { path: '/store/**', kinds: ['publishable'], sales_channel_parameter: 'sales_channel_id' },
  { path: '/admin/orders/**', methods: ['GET'], scopes: ['orders:read'] },
  { path: '/admin/orders/**', scopes: ['orders:write'] },
  { path: '/admin/**', keep_credential: true },
  { path: '/query', keys_in: ['query:api_key'] },
];
const SLOW = { slow: { limit: 3, period: 3600 } };
const BOUND = { ...SLOW, bound: { limit: 2, period: 10, binding: 'LIMITER' } };

const limiter = `(name = "limiter", worker = (
  modules = [(name = "limiter.js", esModule =
    "import { WorkerEntrypoint } from 'cloudflare:workers';\\nconst seen = new Map();\\nexport class Limiter extends WorkerEntrypoint { limit({ key }) { const count = (seen.get(key) ?? 0) + 1; seen.set(key, count); return { success: count <= 2 }; } }\\nexport default { fetch() { return new Response(null); } };")],
  compatibilityDate = "2026-04-01")),`;

const settings = () => ({
  ISSUER_URL: issuer.url,
  ORIGIN_URL: origin.url,
  ROOT: issuer.root,
  HMAC_KEYS: issuer.gateKeys,
  ROUTES: JSON.stringify(ROUTES),
  RATE_CLASSES: JSON.stringify(SLOW),
  CLIENT_ADDRESS: 'cloudflare',
});

before(async () => {
  [origin, kv] = await Promise.all([startOrigin(), startKv()]);
  issuer = await startIssuer({ targets: [kv.target] });
  gate = await startGate({ ...settings(), RATE_CLASSES: JSON.stringify(BOUND) }, {
    kv,
    services: [limiter],
    bindings: ['(name = "LIMITER", service = (name = "limiter", entrypoint = "Limiter")),'],
  });
});

let made = 0;
async function keyWith(...rules) {
  const policy = await issuer.cli(['policies', 'create', '--name', `Policy ${++made}`, ...rules]);
  const key = await issuer.create('--policy', String(policy.number));
  // The list that holds the policy has to reach the gate.
  await until('the gate knows the policy', async () => {
    const { status } = await gate.ask(key.token, { path: '/admin/users' });
    return status !== 503 && (status !== 403 || gate.codes().at(-1) !== 'policy_missing');
  });
  return { ...key, policy };
}

const from = (address) => ({ headers: { 'cf-connecting-ip': address } });

describe('a policy', () => {
  test('of scopes is held against what the route needs', async () => {
    const { token } = await keyWith('--scope', 'orders:read');
    const read = await gate.ask(token, { path: '/admin/orders/7' });
    assert.equal(read.status, 200);
    assert.deepEqual(identityOf(read.json.headers).scopes, ['orders:read']);
    const write = await gate.ask(token, { path: '/admin/orders/7', method: 'DELETE' });
    assert.equal(write.status, 403);
    assert.equal(
      write.headers['www-authenticate'],
      'Bearer realm="portcullis", error="insufficient_scope", scope="orders:write"',
    );
    assert.equal(write.json.type, 'tag:portcullis,2026:insufficient_scope');
    await gate.refusedFor('scope_missing');
  });

  test('of networks is held against the address, and the answer does not tell', async () => {
    const { token } = await keyWith('--cidr', '192.0.2.0/24', '--cidr', '2001:db8::/32');
    const at = (address) => gate.ask(token, { path: '/admin/users', ...from(address) });
    assert.equal((await at('192.0.2.9')).status, 200);
    assert.equal((await at('2001:db8::9')).status, 200);
    const elsewhere = await at('192.0.3.9');
    await gate.refusedFor('address_denied');
    const forged = await gate.ask('sk_live_nonsense', { path: '/admin/users' });
    assert.equal(elsewhere.status, 401);
    assert.equal(elsewhere.text, forged.text);
    // Nobody but the platform says where a request comes from.
    const claimed = { 'x-forwarded-for': '192.0.2.9', 'x-real-ip': '192.0.2.9' };
    assert.equal((await gate.ask(token, { path: '/admin/users', headers: claimed })).status, 401);
  });

  test('of methods and paths is held against them', async () => {
    const { token } = await keyWith('--method', 'GET', '--path', '/admin/users/*');
    const ask = async (method, path) => (await gate.ask(token, { method, path })).status;
    assert.equal(await ask('GET', '/admin/users/1'), 200);
    assert.equal(await ask('POST', '/admin/users/1'), 403);
    await gate.refusedFor('method_denied');
    assert.equal(await ask('GET', '/admin/roles/1'), 403);
    await gate.refusedFor('path_denied');
    assert.equal(await ask('GET', '/admin/users/a%2fb'), 404);
    await gate.refusedFor('ambiguous_path');
  });

  test('that is edited counts within the bound, and one that is gone refuses', async () => {
    const key = await keyWith('--scope', 'orders:read');
    const ask = async () => (await gate.ask(key.token, { path: '/admin/orders/7' })).status;
    assert.equal(await ask(), 200);
    await issuer.cli(['policies', 'update', String(key.policy.number), '--scope', 'orders:write']);
    await until('the edit counts', async () => (await ask()) === 403);
    await issuer.cli(['policies', 'update', String(key.policy.number), '--scope', 'orders:*']);
    await until('the edit counts', async () => (await ask()) === 200);
  });

  test('of a rate class is counted here', async () => {
    const { token } = await keyWith('--rate-class', 'slow');
    const answers = [];
    for (let i = 0; i < 5; i++) answers.push(await gate.ask(token, { path: '/admin/users' }));
    const over = answers.find(({ status }) => status === 429);
    assert.ok(over, 'the limit of 3 was never reached');
    assert.equal(over.headers['ratelimit-policy'], '"slow";q=3;w=3600');
    assert.match(over.headers['ratelimit'], /^"slow";r=0;t=\d+$/);
    assert.ok(Number(over.headers['retry-after']) > 0);
    assert.match(answers[0].headers['ratelimit'], /^"slow";r=\d;t=\d+$/);
    assert.equal(answers[0].headers['x-origin'], 'yes');
  });

  test('of a rate class that the platform counts asks its binding', async () => {
    const { token } = await keyWith('--rate-class', 'bound');
    const statuses = [];
    for (let i = 0; i < 4; i++) statuses.push((await gate.ask(token, { path: '/admin/users' })).status);
    assert.ok(statuses.includes(429), statuses.join(' '));
    const over = await gate.ask(token, { path: '/admin/users' });
    assert.equal(over.headers['retry-after'], '10');
    assert.equal(over.headers['ratelimit'], '"bound";r=0;t=10');
  });
});

describe('a route', () => {
  test('that is open needs no key, and its origin is told of none', async () => {
    const answer = await gate.ask(undefined, { path: '/open', headers: { portcullis: 'key=apk_forged' } });
    assert.equal(answer.status, 200);
    assert.equal(identityOf(answer.json.headers), undefined);
  });

  test('that is not there is not found, with a key or without', async () => {
    const { token } = await issuer.create();
    assert.equal((await gate.ask(token, { path: '/elsewhere' })).status, 404);
    assert.equal((await gate.ask(undefined, { path: '/elsewhere' })).status, 404);
  });

  test('that keeps the credential hands it on', async () => {
    const { token } = await issuer.create();
    const basic = `Basic ${Buffer.from(`${token}:`).toString('base64')}`;
    const answer = await gate.ask(undefined, { path: '/admin/users', headers: { authorization: basic } });
    assert.equal(answer.status, 200);
    assert.equal(answer.json.headers.authorization, basic);
    assert.match(identityOf(answer.json.headers).key, /^apk_/);
  });

  test('reads a query parameter where it says so, and takes it out', async () => {
    const { token } = await issuer.create();
    const answer = await gate.ask(undefined, { path: `/query?a=1&api_key=${token}&b=2` });
    assert.equal(answer.status, 200);
    assert.equal(answer.json.url, '/query?a=1&b=2');
    assert.equal((await gate.ask(undefined, { path: `/admin/users?api_key=${token}` })).status, 401);
    assert.equal((await gate.ask(token, { path: '/query' })).status, 401, 'it reads nothing else');
  });

  test('of a shop takes a publishable key beside a shopper, and lets browsers ask first', async () => {
    const { token } = await issuer.create('--kind', 'publishable', '--sales-channel', 'sc_1');
    const jwt = 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.x';
    const headers = { 'x-publishable-api-key': token, authorization: jwt, origin: 'https://shop.example' };
    const ask = (path) => gate.ask(undefined, { path, headers });
    const answer = await until('the list reaches the gate', async () => {
      const answer = await ask('/store/products?sales_channel_id[]=sc_1');
      return answer.status === 200 && answer;
    });
    assert.equal(answer.json.headers.authorization, jwt);
    assert.equal(answer.json.headers['x-publishable-api-key'], undefined);
    assert.deepEqual(identityOf(answer.json.headers)['sales-channels'], ['sc_1']);
    assert.equal((await ask('/store/products?sales_channel_id[]=sc_2')).status, 403);
    await gate.refusedFor('sales_channel_denied');
    const asking = { origin: 'https://shop.example', 'access-control-request-method': 'POST' };
    const preflight = (path) => gate.ask(undefined, { method: 'OPTIONS', path, headers: asking });
    const passed = await preflight('/store/carts');
    assert.equal(passed.status, 200);
    assert.equal(passed.json.method, 'OPTIONS');
    assert.equal((await preflight('/admin/users')).status, 401);
  });
});

test('an origin that would rather have a header for each thing is told so, in either way', async () => {
  const each = await startGate({ ...settings(), IDENTITY: 'each' });
  const key = await issuer.create('--kind', 'publishable', '--sales-channel', 'sc_1');
  const told = await until('the list reaches the gate', async () => {
    const answer = await each.ask(undefined, { path: '/store', headers: { 'x-publishable-api-key': key.token } });
    return answer.status === 200 && answer.json.headers;
  });
  const again = await each.ask(undefined, { path: '/store', headers: { 'x-publishable-api-key': key.token } });
  for (const headers of [told, again.json.headers]) {
    assert.equal(headers.portcullis, undefined);
    assert.equal(headers['portcullis-key'], key.id);
    assert.equal(headers['portcullis-issuer'], issuer.issuer);
    assert.equal(headers['portcullis-kind'], 'publishable');
    assert.equal(headers['portcullis-environment'], 'live');
    assert.equal(headers['portcullis-freshness'], 'fresh');
    assert.equal(headers['portcullis-sales-channels'], 'sc_1');
    assert.match(headers['portcullis-list'], /^\d+$/);
    assert.equal(headers['portcullis-owner'], undefined);
    const caller = readCaller({ headers });
    assert.equal(caller.key.name, key.id);
    assert.deepEqual(caller.grant, { scopes: [], salesChannels: ['sc_1'] });
  }
});

test('without a way to private policies the keys that carry one are refused, others pass', async () => {
  const alone = await startGate(settings());
  const { token } = await keyWith('--scope', 'orders:read');
  const refused = await alone.ask(token, { path: '/admin/orders/7' });
  assert.equal(refused.status, 503);
  assert.match(refused.headers['retry-after'], /^\d+$/);
  await alone.refusedFor('policy_unavailable');
  await alone.says('GATE_KEY');
  const plain = await issuer.create();
  assert.equal((await alone.ask(plain.token, { path: '/admin/users' })).status, 200);
});

test('a setting that names a route wrongly closes the gate and is named', async () => {
  const wrong = await startGate({ ...settings(), ROUTES: '[{"path": "/**"}, {"path": "store"}]' });
  const { token } = await issuer.create();
  assert.equal((await wrong.ask(token)).status, 503);
  await wrong.says('ROUTES[1].path');
});
