// Requests that are as they should be, most of them with a key that may make them. Mutations
// start from these, because what is wrong in ten ways is refused for the first.

import { addressesOf } from './expected.mjs';
import { grants, matches } from './rules.mjs';
import { routesOf } from './world.mjs';

/** The header by which a request is known again at the origin. */
export const ID = 'X-Fuzz-Id';

const REST = [
  '',
  '/',
  '/7',
  '/a/b',
  '/A7',
  '/x.y',
  '/%C3%A9',
  '/a%20b',
  '/report.json',
  '/1/items/2',
  '/~me',
  "/it's",
  '/a,b',
];
const SEGMENT = ['7', 'a-b', 'A7', 'x.y', '%C3%A9', 'report.json'];
const METHODS = ['GET', 'GET', 'GET', 'HEAD', 'POST', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const QUERY = [
  'page=2',
  'a=1',
  'q=%20y',
  'a=1',
  'empty=',
  'flag',
  'list[]=1',
  'deep[a][b]=c',
  'q=x+y',
  'd=%C3%A9',
  'x=%3Cb%3E',
];
const HEADERS = [
  ['Accept', '*/*'],
  ['Accept-Language', 'en, de;q=0.5'],
  ['User-Agent', 'fuzz/1'],
  ['Cookie', 'session=abc; theme=dark'],
  ['X-Request-Id', '7f0c'],
  ['x_custom', 'kept'],
  ['If-None-Match', '"abc"'],
  ['Content-Language', 'en'],
  ['Connection', 'keep-alive'],
];
const BODIES = ['{}', 'hello', '', 'a=1&b=2', '\0\u0001\u00ff\r\n\r\n', 'x'.repeat(5000)];

/** Where a key can stand; each gives the header field for it. */
export const PLACES = {
  bearer: (token) => ['Authorization', `Bearer ${token}`],
  basic: (token) => ['Authorization', `Basic ${Buffer.from(`${token}:`).toString('base64')}`],
  'x-api-key': (token) => ['X-API-Key', token],
  'x-publishable-api-key': (token) => ['x-publishable-api-key', token],
};

/**
 * A request: `path` and `query` as they are spelled, `headers` as `[name, value]` with an optional
 * separator, `body` if there is one, `framing` as `length` or `chunked`, and `mutations` by name.
 */
export function validRequest(random, gate, keys, id) {
  const routes = routesOf(gate);
  // The open route for all is what mutations fall on; by itself it proves little.
  const route = random.weighed(routes.map((route) => [route.path === '/**' && route.open ? 0.5 : 1, route]));
  const method = random.chance(0.8) && route.methods.length > 0 ? random.pick(route.methods) : random.pick(METHODS);
  const request = {
    id,
    gate,
    method,
    path: pathOn(random, route.path),
    query: random.chance(0.4) ? [random.pick(QUERY), random.pick(QUERY)].slice(random.below(2)) : [],
    headers: [
      ['Host', 'api.example'],
      [ID, id],
    ],
    body: undefined,
    framing: 'length',
    mutations: [],
    /** Fields and bytes that only this request's framing has; it then gets a connection of its own. */
    alone: false,
  };
  for (let more = random.below(3); more > 0; more--) request.headers.push([...random.pick(HEADERS)]);
  if (gate.address === 'cloudflare')
    request.headers.push(['CF-Connecting-IP', random.chance(0.8) ? '192.0.2.9' : '198.51.100.7']);
  if (gate.address === 'forwarded')
    request.headers.push(['X-Forwarded-For', random.chance(0.8) ? '192.0.2.9' : '198.51.100.7, 10.0.0.3']);
  if (random.chance(route.kinds.includes('publishable') ? 0.6 : 0.2))
    request.headers.push(['Origin', random.chance(0.85) ? 'https://shop.example' : 'https://other.example']);
  if (!['GET', 'HEAD', 'OPTIONS'].includes(method) && random.chance(0.8)) {
    request.body = Buffer.from(random.pick(BODIES), 'latin1');
    request.framing = random.chance(0.3) ? 'chunked' : 'length';
    request.headers.push(['Content-Type', 'application/octet-stream']);
  }
  if (!route.open) addKey(random, request, route, keys);
  if (route.sales_channel_parameter && random.chance(0.7)) {
    const name = route.sales_channel_parameter + random.pick(['', '', '[]', '[0]', '%5B%5D']);
    request.query.push(`${name}=${random.chance(0.85) ? random.pick(['sc_1', 'sc_3', 'sc_1']) : 'sc_9'}`);
  }
  return request;
}

function pathOn(random, pattern) {
  const start = pattern
    .replace(/\*\*$/, '')
    .replace(/\/$/, '')
    .replaceAll('*', () => random.pick(SEGMENT));
  const path = pattern.endsWith('**') ? start + random.pick(REST) : start;
  return path || '/';
}

/**
 * Mostly a key that may make this request, in a place where the route looks for it. The more its policy
 * restricts the likelier: a key that may do everything shows nothing.
 */
function addKey(random, request, route, keys) {
  const [address] = addressesOf(request);
  const origin = request.headers.find(([name]) => name === 'Origin')?.[1];
  const fact = { route, method: request.method, address: address ?? 'unknown', origin: origin ?? 'none' };
  const able = keys.filter(
    (key) => key.good && route.kinds.includes(key.kind) && grants(key, { route, method: request.method }),
  );
  const may = able.filter((key) => {
    const paths = key.rules.path;
    return grants(key, fact) && (!paths || paths.some((pattern) => matches(pattern, request.path)));
  });
  // Those that nothing but the address, the page or the path keeps out.
  const nearly = able.filter((key) => !may.includes(key));
  const restricted = ({ rules }) => ['method', 'path', 'cidr', 'origin'].filter((rule) => rules[rule]).length;
  const key = random.weighed([
    [may.length > 0 ? 85 : 0, () => random.weighed(may.map((key) => [1 + 3 * restricted(key), key]))],
    [nearly.length > 0 ? 8 : 0, () => random.pick(nearly)],
    [7, () => random.pick(keys)],
  ])();
  if (random.chance(0.05)) return;
  const places = route.keys_in ?? [
    'bearer',
    'bearer',
    'basic',
    'x-api-key',
    ...(key.kind === 'publishable' ? ['x-publishable-api-key'] : []),
  ];
  const place = random.pick(places);
  if (place === 'websocket-protocol') return addHandshake(request, `portcullis, portcullis-key.${key.token}`);
  if (place.startsWith('query:')) request.query.push(`${place.slice(6)}=${key.token}`);
  else request.headers.push(PLACES[place](key.token));
}

function addHandshake(request, protocols) {
  request.headers.push(['Connection', 'Upgrade'], ['Upgrade', 'websocket'], ['Sec-WebSocket-Version', '13']);
  request.headers.push(['Sec-WebSocket-Key', 'BwcHBwcHBwcHBwcHBwcHBw=='], ['Sec-WebSocket-Protocol', protocols]);
  request.alone = true;
}
