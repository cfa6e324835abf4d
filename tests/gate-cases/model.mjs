// A second reading of docs/request.md, written from that page alone and with no thought of speed: what a gate does
// with a request. It computes what generated cases expect. It knows only what the generator makes.

const REMOVED = `connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade
  http2-settings expect content-length host forwarded forwarded-for x-forwarded x-original-forwarded-for x-real-ip x-client-ip client-ip
  x-cluster-client-ip true-client-ip fastly-client-ip x-remote-ip x-remote-addr x-originating-ip x-azure-clientip
  x-envoy-external-address x-appengine-user-ip wl-proxy-client-ip x-host x-original-host x-http-host-override x-scheme
  x-original-scheme x-url-scheme front-end-https cf-connecting-ip cf-connecting-ipv6 cf-pseudo-ipv4 x-original-url x-original-uri
  x-original-path x-rewrite-url x-rewrite-uri x-override-url x-request-uri x-envoy-original-path x-waws-unencoded-url x-script-name
  script-name proxy portcullis`.split(/\s+/);
const PREFIXES = ['portcullis-', 'x-forwarded-', 'sec-websocket-'];
const OVERRIDES = ['x-http-method-override', 'x-http-method', 'x-method-override'];
const MAY_HOLD_KEYS = ['authorization', 'x-api-key', 'x-publishable-api-key'];
const READ = ['origin', 'access-control-request-method'];
const CLOUDFLARE = ['cf-connecting-ip', 'cf-connecting-ipv6', 'cf-pseudo-ipv4'];

export const RULED = [...REMOVED, ...OVERRIDES, ...MAY_HOLD_KEYS, ...READ];

/** What a gate of these settings does: the codes by which it may refuse, or what the origin sees. */
export function expected(settings, request) {
  const routes = settings.ROUTES ?? [{ path: '/**' }];
  const codes = malformed(settings, request);
  if (settings.ROUTES) codes.push(...ambiguousPath(routes, settings.ORIGIN_PATHS, request));
  const route = routes.find((one) => takes(one, request.path, request.method));
  codes.push(...parametersOf(routes, route).flatMap((name) => ambiguousParameter(request.query, name)));
  if (codes.length > 0) return { codes: [...new Set(codes)] };
  if (!route) return { codes: ['no_route'] };
  const preflight = isPreflight(request) && (route.preflight ?? (route.kinds ?? ['secret']).includes('publishable'));
  if (route.open || preflight) return { origin: onward(settings, routes, route, request) };
  const decision = decide(route, request);
  return decision.code ? { codes: [decision.code] } : { origin: onward(settings, routes, route, request, decision.key) };
}

function malformed(settings, { method, path, query, fields, body }) {
  const codes = [];
  if (!/^[A-Z0-9_-]{1,32}$/.test(method) || ['CONNECT', 'TRACE', 'TRACK'].includes(method)) codes.push('malformed_method');
  if (body !== undefined && body !== '' && ['GET', 'HEAD'].includes(method)) codes.push('unexpected_body');
  if (method === 'POST' && pairs(query).some(([name]) => decoded(name) === '_method')) codes.push('method_override');
  if (!/^\/[\x21-\x7e]*$/.test(path) || /["<>\\^`{}#]/.test(path)) codes.push('malformed_target');
  if (segments(path).some((segment) => ['.', '..'].includes(segment.replaceAll(/%2e/gi, '.')))) codes.push('ambiguous_path');
  for (const [name, value] of fields) {
    const known = name.toLowerCase();
    if (OVERRIDES.includes(known) && value.trim() !== method) codes.push('method_override');
    const folded = known.replaceAll(/[^a-z0-9]/g, '-');
    if (folded !== known && hasRule(folded) && !hasRule(known)) codes.push('ambiguous_header');
  }
  for (const name of namedByConnection(fields)) if (isReadOrSet(settings, name)) codes.push('ambiguous_header');
  return codes;
}

const hasRule = (name) => RULED.includes(name) || PREFIXES.some((prefix) => name.startsWith(prefix));

function namedByConnection(fields) {
  const values = fields.filter(([name]) => name.toLowerCase() === 'connection').map(([, value]) => value);
  return values.join(',').split(',').map((name) => name.trim().toLowerCase()).filter(Boolean);
}

function isReadOrSet(settings, name) {
  const isPrefixed = name.startsWith('portcullis-') || name.startsWith('x-forwarded-');
  const isOurs = [...MAY_HOLD_KEYS, ...READ, 'portcullis', 'cache-control'].includes(name);
  return isPrefixed || isOurs || (settings.CLIENT_ADDRESS === 'cloudflare' && CLOUDFLARE.includes(name));
}

// Paths.

const segments = (path) => path.slice(1).split('/');

function takes({ path, methods }, found, method) {
  return matches(path, found) && (!methods || methods.includes(method) || (method === 'HEAD' && methods.includes('GET')));
}

function matches(pattern, path) {
  const [wanted, found] = [segments(pattern), segments(path)];
  const open = wanted.at(-1) === '**';
  const fixed = open ? wanted.slice(0, -1) : wanted;
  if (open ? found.length < fixed.length : found.length !== fixed.length) return false;
  return fixed.every((segment, at) => (segment === '*' ? found[at] !== '' : segment === found[at]));
}

function isPlain(path) {
  const all = segments(path);
  if (all.slice(0, -1).includes('') || all.includes('.') || all.includes('..')) return false;
  if (!/^\/(?:[A-Za-z0-9\-._~!$&'()*+,=:@/]|%[0-9A-Fa-f]{2})*$/.test(path)) return false;
  if (/%(?:[01][0-9a-f]|7f|25|2e|2f|3b|5c)/i.test(path)) return false;
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}

/** Every way in which an origin may fold a path, each fold for itself and all of them together. */
function folds(path, originPaths) {
  const sign = (whole, hex) => (/[A-Za-z0-9\-._~]/.test(chr(hex)) ? chr(hex) : whole.toUpperCase());
  const unescaped = (text) => text.replaceAll(/%([0-9a-f]{2})/gi, sign);
  const steps = [
    (text) => text.toLowerCase().replaceAll(/%[0-9a-f]{2}/g, (escape) => escape.toUpperCase()),
    (text) => (text.length > 1 ? text.replace(/\/$/, '') : text),
    ...segments(path).map((_, place) => (text) => {
      const all = segments(text);
      return `/${all.map((segment, at) => (at === place ? segment.replace(/(?:\.|%20)+$/, '') : segment)).join('/')}`;
    }),
    (text) => text.replace(/([^/])\.[^./]*$/, '$1'),
    (text) => text.replace(/([^/.])\.[^/]*$/, '$1'),
  ];
  const all = [path, unescaped(path)];
  if (originPaths === 'exact') return all;
  return all.concat(steps.reduce((known, step) => [...known, ...known.map(step)], [unescaped(path)]));
}

const chr = (hex) => String.fromCharCode(Number.parseInt(hex, 16));

function ambiguousPath(routes, originPaths, { path, method }) {
  if (!isPlain(path)) return ['ambiguous_path'];
  if (originPaths !== 'exact' && segments(path).some((segment) => /^(?:\.|%20|%2e)+$/i.test(segment))) return ['ambiguous_path'];
  const on = (text) => routes.findIndex((route) => takes(route, text, method));
  // A route that matches the path as it is spelled decides if it comes first.
  const isEarlier = (found) => found >= 0 && (on(path) < 0 || found < on(path));
  return folds(path, originPaths).some((folded) => isEarlier(on(folded))) ? ['ambiguous_path'] : [];
}

// Parameters.

const pairs = (query) => (query ?? '').split('&').filter(Boolean).map((pair) => [pair.split('=')[0], pair]);

const decoded = (text) => text.replaceAll('+', ' ').replaceAll(/%([0-9a-f]{2})/gi, (_, hex) => chr(hex));

const isNamed = (spelled, name) => new RegExp(`^${name}(?:\\[[0-9]*\\])?$`).test(decoded(spelled));

function parametersOf(routes, route) {
  const keys = routes.flatMap(({ keys_in: places = [] }) => places).filter((place) => place.startsWith('query:'));
  const channels = [route?.sales_channel_parameter ?? []].flat();
  return [...new Set([...keys.map((place) => place.slice(6)), ...channels])];
}

/** A name that is not the parameter's and has all of its words, or one that is encoded once more. */
function ambiguousParameter(query, name) {
  const words = (text) => text.toLowerCase().split(/[^a-z0-9]+/).filter(Boolean);
  const isSpelled = (spelled) => {
    const text = decoded(spelled);
    if (/%[0-9a-f]{2}/i.test(text) || /[\xc0\xc1]./s.test(text)) return true;
    const [base] = text.split('[').filter((part) => words(part).length > 0);
    return [words(text), words(base ?? '')].some((found) => found.join(' ') === words(name).join(' '));
  };
  const isAmbiguous = ([, pair]) => {
    const [first, ...behind] = pair.split(';');
    const spelled = first.split('=')[0];
    return (isSpelled(spelled) && !isNamed(spelled, name)) || behind.some((part) => isSpelled(part.split('=')[0]));
  };
  return pairs(query).some(isAmbiguous) ? ['ambiguous_parameter'] : [];
}

// WebSockets.

const valueOf = (fields, wanted) => fields.find(([name]) => name.toLowerCase() === wanted)?.[1] ?? '';
const items = (value) => value.split(',').map((item) => item.trim()).filter(Boolean);

export function isHandshake({ method, fields }) {
  const named = items(valueOf(fields, 'connection').toLowerCase()).includes('upgrade');
  return method === 'GET' && named && valueOf(fields, 'upgrade').trim().toLowerCase() === 'websocket';
}

/** The subprotocols of a handshake: those with the gate's prefix and what is left for the origin. */
function subprotocols(request) {
  const all = isHandshake(request) ? items(valueOf(request.fields, 'sec-websocket-protocol')) : [];
  const keys = all.filter((item) => item.startsWith('portcullis-key.'));
  const others = all.filter((item) => item !== 'portcullis' && !keys.includes(item) && !KEY.test(item));
  return { keys: keys.map((item) => item.slice('portcullis-key.'.length)), others };
}

/** What the gate chooses if the origin chooses nothing. */
export function chosen({ fields }) {
  return items(valueOf(fields, 'sec-websocket-protocol')).includes('portcullis') ? 'portcullis' : null;
}

// Keys.

const KEY = /\{\{(?:(?:basic|base64):)?([a-z-]+)\}\}/i;
const kindOf = (name) => (name.startsWith('pk') ? 'publishable' : 'secret');
const isPreflight = ({ method, fields }) => method === 'OPTIONS' && READ.every((wanted) => valueOf(fields, wanted) !== '');

/**
 * The key that the route is asked with. The generator makes keys that are good or of another issuer, and tokens that
 * are none: a JWT in `Authorization`, which is left for the origin beside a key, and words.
 */
function decide(route, request) {
  const { fields, query } = request;
  const places = route.keys_in ?? ['bearer', 'basic', 'x-api-key', 'x-publishable-api-key', 'websocket-protocol'];
  const texts = fields.flatMap(([name, value]) => {
    const known = name.toLowerCase();
    const [place, text] = known === 'authorization' ? value.toLowerCase().split(' ') : [known, value];
    return places.includes(place) ? [{ text, place }] : [];
  });
  for (const place of places.filter((one) => one.startsWith('query:'))) {
    const named = pairs(query).filter(([name]) => isNamed(name, place.slice(6)));
    texts.push(...named.map(([, pair]) => ({ text: pair.split('=')[1] ?? '', place })));
  }
  for (const place of places.filter((one) => one === 'websocket-protocol')) {
    texts.push(...subprotocols(request).keys.map((text) => ({ text, place })));
  }
  const isJwt = ({ text }) => text.includes('.');
  const read = texts.some((one) => !isJwt(one)) ? texts.filter((one) => !isJwt(one)) : texts;
  const names = [...new Set(read.map(({ text }) => text.match(KEY)?.[1] ?? text))];
  const kinds = names.map((name) => (read.some(({ text }) => text === name) ? undefined : kindOf(name)));
  if (names.length === 0) return { code: 'no_key' };
  // One place holds one key.
  const contradicts = (one, other) => other.place === one.place && other.text !== one.text;
  if (read.some((one) => read.some((other) => contradicts(one, other)))) return { code: 'two_keys' };
  // What is of neither kind contradicts both.
  const hasRival = (at) => kinds.some((kind, other) => other !== at && (kind === kinds[at] || kind === undefined));
  if (names.some((_, at) => hasRival(at))) return { code: 'two_keys' };
  if (kinds[0] === undefined) return { code: isJwt(read[0]) ? 'malformed_character' : 'malformed_prefix' };
  const taken = route.kinds ?? ['secret'];
  const key = ['secret', 'publishable'].map((kind) => taken.includes(kind) && names[kinds.indexOf(kind)]).find(Boolean);
  if (names.includes('sk-foreign') && (key ?? 'sk-foreign') === 'sk-foreign') return { code: 'bad_signature' };
  if (!key) return { code: 'wrong_kind' };
  return route.scopes ? { code: 'scope_missing' } : { key };
}

function keptIn(fields, key) {
  const held = (wanted) => fields.some(([name, value]) => name.toLowerCase() === wanted && value.match(KEY)?.[1] === key);
  return MAY_HOLD_KEYS.find((wanted) => key !== undefined && held(wanted));
}

// What goes on.

function onward(settings, routes, route, request, key) {
  const { method, path, query, fields, body } = request;
  const hops = namedByConnection(fields);
  const kept = fields.filter(([name, value]) => {
    const known = name.toLowerCase();
    if (CLOUDFLARE.includes(known) && settings.CLIENT_ADDRESS === 'cloudflare') return true;
    if (REMOVED.includes(known) || OVERRIDES.includes(known) || hops.includes(known)) return false;
    if (PREFIXES.some((prefix) => known.startsWith(prefix))) return false;
    // The same key in two places is kept in the first of them.
    if (MAY_HOLD_KEYS.includes(known) && KEY.test(value)) return route.keep_credential === true && known === keptIn(fields, key);
    return !(known === 'cache-control' && key && !route.shared_cache);
  });
  const set = [['x-forwarded-host', 'api.example'], ['x-forwarded-proto', 'http']];
  if (settings.CLIENT_ADDRESS === 'peer') set.push(['x-forwarded-for', '127.0.0.1']);
  if (key && !route.shared_cache) set.push(['cache-control', 'no-cache, no-store']);
  if (key) set.push(['portcullis', { key: `{{name:${key}}}`, kind: kindOf(key) }]);
  const names = parametersOf(routes).filter((name) => name !== route.sales_channel_parameter);
  const taken = ([name, pair]) => KEY.test(pair) && names.some((parameter) => isNamed(name, parameter));
  const rest = query === undefined ? undefined : query.split('&').filter((pair) => !taken([pair.split('=')[0], pair])).join('&');
  const escapes = { '"': '%22', "'": '%27', '<': '%3C', '>': '%3E' };
  const sent = rest?.replaceAll(/["'<>]/g, (sign) => escapes[sign]);
  // A query that held nothing but keys is no query any more.
  const target = sent || sent === query ? path + (sent === undefined ? '' : `?${sent}`) : path;
  const { others } = subprotocols(request);
  if (others.length > 0) set.push(['sec-websocket-protocol', others.join(', ')]);
  const upgrade = isHandshake(request) ? { upgrade: 'websocket' } : {};
  return { method, target, ...upgrade, headers: [...set, ...kept], ...(body ? { body } : {}) };
}
