// What is attacked: an issuer with a handful of keys, and gates with settings that differ.

import { makeIssuer, startIssuer } from '../e2e/support/issuer.mjs';

/** The routes of a shop. The last one is open, so a path that is misread falls on it. */
const SHOP = [
  { path: '/health', open: true },
  { path: '/store/**', kinds: ['publishable'], sales_channel_parameter: 'sales_channel_id' },
  { path: '/admin/orders/**', methods: ['GET'], scopes: ['orders:read'] },
  { path: '/admin/orders/**', scopes: ['orders:write'] },
  { path: '/admin/**', scopes: ['admin:all'] },
  { path: '/files/*', methods: ['GET', 'PUT'] },
  { path: '/files/**', scopes: ['files:all'] },
  { path: '/**', open: true },
];

/** Keys in the query and keys that the origin gets; nothing is open, and there is no route for all. */
const TOOLS = [
  { path: '/hooks/**', methods: ['POST'], keys_in: ['query:api_key'], scopes: ['orders:write'] },
  { path: '/kept/**', keep_credential: true },
  { path: '/both/**', kinds: ['secret', 'publishable'], keys_in: ['x-api-key', 'query:api_key'] },
  { path: '/admin/users', scopes: ['admin:all'] },
  { path: '/live', methods: ['GET'], keys_in: ['bearer', 'websocket-protocol'] },
  { path: '/prices', shared_cache: true },
  { path: '/status', open: true },
];

/** Routes whose spelling has more than small letters, and an open one on which their other spellings fall. */
const SIGNS = [
  { path: '/v1/orders:cancel', methods: ['POST'], scopes: ['orders:write'] },
  { path: '/@me/**', scopes: ['admin:all'] },
  { path: '/caf%C3%A9/*', scopes: ['admin:all'] },
  { path: '/API/Keys', scopes: ['admin:all'] },
  { path: '/data.json', scopes: ['files:all'] },
  { path: '/a(b),c=d/**', scopes: ['files:all'] },
  { path: '/**', open: true },
];

/**
 * Each gate: the `origin` behind it, its `routes` (none: one for everything), how origins of its kind
 * compare paths (`loose` or `exact`), how many headers tell of the caller, and where a client's
 * address comes from.
 */
export const GATES = [
  { name: 'shop-express', origin: 'express', routes: SHOP, address: 'cloudflare' },
  { name: 'shop-wsgi', origin: 'wsgi', routes: SHOP, identity: 'each', address: 'peer' },
  { name: 'shop-cgi', origin: 'cgi', routes: SHOP, identity: 'each', address: 'forwarded' },
  { name: 'shop-exact', origin: 'cgi', routes: SHOP, paths: 'exact', address: 'cloudflare' },
  { name: 'tools-express', origin: 'express', routes: TOOLS, address: 'peer' },
  { name: 'tools-wsgi', origin: 'wsgi', routes: TOOLS, address: 'forwarded' },
  { name: 'signs-express', origin: 'express', routes: SIGNS },
  { name: 'signs-wsgi', origin: 'wsgi', routes: SIGNS },
  { name: 'signs-exact', origin: 'cgi', routes: SIGNS, paths: 'exact' },
  { name: 'plain-cgi', origin: 'cgi', identity: 'each' },
  { name: 'plain-express', origin: 'express', address: 'cloudflare' },
].map((gate) => ({ identity: 'one', paths: 'loose', address: 'unknown', ...gate }));

/** What a gate without routes does with every request. */
const EVERYTHING = [{ path: '/**' }];

/** A gate's routes with every default filled in, as the page on the gate states it. */
export function routesOf(gate) {
  return (gate.routes ?? EVERYTHING).map((route) => {
    const kinds = route.kinds ?? ['secret'];
    return { methods: [], scopes: [], open: false, preflight: kinds.includes('publishable'), ...route, kinds };
  });
}

/** The parameters of the query that may hold a key, on every route. */
export function keyParametersOf(gate) {
  const places = routesOf(gate).flatMap((route) => route.keys_in ?? []);
  return [...new Set(places.filter((place) => place.startsWith('query:')).map((place) => place.slice(6)))];
}

/** The keys that are good, each with the rules of its policy (none: no policy). */
const GOOD = {
  full: { rules: { scope: ['*'] }, owner: true },
  reader: { rules: { scope: ['orders:read'], method: ['GET', 'HEAD'] } },
  writer: { rules: { scope: ['orders:*'], method: ['GET', 'POST'] } },
  getter: { rules: { scope: ['orders:*', 'admin:all'], method: ['GET'] } },
  filer: { rules: { scope: ['files:all'], path: ['/files/*', '/kept/a/**'] } },
  near: { rules: { scope: ['*'], cidr: ['192.0.2.0/24', '2001:db8::/32'] } },
  local: { rules: { scope: ['*'], cidr: ['127.0.0.0/8'] } },
  bare: {},
  shop: { kind: 'publishable', rules: { 'sales-channel': ['sc_1', 'sc_2'], method: ['GET', 'POST'] }, owner: true },
  other: { kind: 'publishable', rules: { 'sales-channel': ['sc_3'] } },
  page: { kind: 'publishable', rules: { 'sales-channel': ['sc_1'], origin: ['https://shop.example'] } },
};

/**
 * Starts an issuer and makes its keys. Each key is `{ name, token, good, kind, ... }`; those that are
 * good have the rules that hold for them.
 */
export async function makeWorld() {
  const [issuer, foreign] = await Promise.all([startIssuer({ label: 'acme' }), makeIssuer({ label: 'acme' })]);
  const keys = [];
  for (const [name, { kind = 'secret', rules, owner }] of Object.entries(GOOD)) {
    const options = ['--kind', kind];
    const owned = owner && (await issuer.cli(['owners', 'create', '--name', name]));
    if (owned) options.push('--owner', String(owned.number));
    const flags = Object.entries(rules ?? {}).flatMap(([rule, values]) =>
      values.flatMap((value) => [`--${rule}`, value]),
    );
    const visibility = kind === 'secret' ? 'private' : 'public';
    const policy =
      rules && (await issuer.cli(['policies', 'create', '--name', name, '--visibility', visibility, ...flags]));
    if (policy) options.push('--policy', String(policy.number));
    const { id, token } = await issuer.create(...options);
    keys.push({
      name,
      good: true,
      kind,
      id,
      issuer: issuer.issuer,
      token,
      rules: rules ?? {},
      owner: owned?.number,
      policy: policy?.number,
    });
  }
  const full = String(keys[0].policy);
  const revoked = await issuer.create('--policy', full);
  await issuer.revoke(revoked.id);
  const bad = {
    revoked,
    test: await issuer.create('--environment', 'test', '--policy', full),
    foreign: await foreign.create(),
    stranger: await foreign.create('--kind', 'publishable'),
    admin: { token: issuer.adminKey },
  };
  keys.push(...Object.entries(bad).map(([name, { token }]) => ({ name, good: false, token })));
  return { issuer, keys };
}

/** The variables of one gate. */
export function settingsOf(gate, { issuer, gateKey, originUrl }) {
  return {
    ISSUER_URL: issuer.url,
    ORIGIN_URL: originUrl,
    ROOT: issuer.root,
    HMAC_KEYS: issuer.gateKeys,
    GATE_KEY: gateKey,
    // No request of a run is to be refused because a busy machine was slow to fetch a list.
    FRESH_FOR: '60',
    IDENTITY: gate.identity,
    ...(gate.routes ? { ROUTES: JSON.stringify(gate.routes) } : {}),
    ...(gate.paths === 'exact' ? { ORIGIN_PATHS: 'exact' } : {}),
    ...(gate.address === 'unknown' ? {} : { CLIENT_ADDRESS: gate.address }),
    ...(gate.address === 'forwarded' ? { TRUSTED_PROXIES: '127.0.0.0/8 10.0.0.0/8' } : {}),
  };
}
