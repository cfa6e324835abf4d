// What must be true of every request that reached an origin. It knows the settings, the policies and
// the specification, and asks nothing of the gate's code: each rule is held against the request as
// the origin understood it.

import { isIP } from 'node:net';

import { exposed, forwardingOf, hopsOf, identityOf, sentKeys } from './expected.mjs';
import { folded } from './origins/index.mjs';
import { targetOf } from './raw.mjs';
import { fieldsOf, methodOf, pathsOf, valuesOf } from './readings.mjs';
import { foldPattern, grants, matches, routeFor } from './rules.mjs';
import { routesOf } from './world.mjs';

/** The rules by name. A run with a planted bug shows of each that it can be violated. */
export const RULES = {
  key: "a protected handler runs for a good key of the route's kinds, which the request held",
  method: "the method that the handler runs for is one of the policy's",
  path: 'the path falls on a route whose scopes, and on a path, that the policy grants',
  channel: "every value of the sales channel's parameter is granted",
  origin: "the page's origin is one of the policy's",
  address: "the client's address is of one of the policy's networks",
  identity: 'the caller is told of by the gate alone, and not on open routes',
  secret: 'no key is in what the origin sees, unless the route keeps it',
  forwarding: "no field says who forwarded the request, another path or another method, but the gate's",
  hop: "no field of the client's connection arrives",
  cache: 'no cache is to keep what is for one key',
  target: 'path and query arrive as they were sent',
  body: 'the body arrives whole',
  once: 'a request arrives as often as it was sent at most, and nothing that hid in it',
};

/** All violations of a run: `sent` are the requests by their id, `heard` what the origins understood. */
export function violationsIn(sent, heard, keys) {
  const violations = [];
  const arrived = new Map();
  for (const understood of heard) {
    const request = sent.get(understood.id);
    const say = (rule, text) =>
      violations.push({ rule, text, request: request ?? sent.get(understood.id?.split('-hidden')[0]), understood });
    if (!request) {
      say(
        'once',
        understood.id?.includes('-hidden')
          ? 'a request that hid in a body arrived'
          : `a request that nobody sent arrived: ${understood.id}`,
      );
      continue;
    }
    const times = (arrived.get(understood.id) ?? 0) + 1;
    arrived.set(understood.id, times);
    if (times > request.times) say('once', `it was sent ${request.times} times and arrived ${times} times`);
    check(request, understood, keys, say);
  }
  return violations;
}

function check(request, understood, keys, say) {
  const { gate } = request;
  const routes = routesOf(gate);
  const method = methodOf(understood);
  const { key, problem } = identityOf(understood, gate, keys);
  if (problem) say('identity', problem);
  const held = key && sentKeys(request, [key]).length > 0;
  if (key && !held) say('key', `the gate speaks of the key ${key.name}, which the request does not hold`);
  checkBody(request, understood, say);
  forwardingOf(request, understood).forEach((text) => say('forwarding', text));
  hopsOf(request, understood).forEach((text) => say('hop', text));
  checkTarget(request, understood, keys, say);

  const readings = pathsOf(understood, gate).map((reading) => ({
    ...reading,
    route: routeFor(routes, method, reading.path, reading.foldPattern),
  }));
  if (understood.handler !== undefined)
    readings.push({ name: 'by its own router', path: understood.path, route: routes[understood.handler], own: true });
  const [plain] = readings;
  if (
    plain.route?.open &&
    fieldsOf(understood, 'PORTCULLIS').concat(fieldsOf(understood, 'PORTCULLIS_KEY')).length > 0
  ) {
    say('identity', 'the caller is told of on an open route');
  }
  for (const reading of readings) checkRoute({ request, understood, method, key, reading, say });
  const control = fieldsOf(understood, 'CACHE_CONTROL').join();
  if (key && !plain.route?.shared_cache && control !== 'no-cache, no-store')
    say('cache', `Cache-Control is ${JSON.stringify(control)}`);
  const kept = plain.route?.keep_credential ? key : undefined;
  exposed(
    understood,
    gate,
    keys.filter((one) => one !== kept),
  ).forEach((text) => say('secret', text));
}

function checkRoute({ request, understood, method, key, reading, say }) {
  const { name, path, route, own } = reading;
  const where = `${method} ${path} (read ${name})`;
  if (!route) return say('path', `${where} is on no route`);
  if (route.open || (!key && isPreflight(understood, method, route))) return;
  const on = `${where} is on ${JSON.stringify(route.path)}`;
  if (!key) return say('key', `${on}, and no key is told of`);
  if (!key.good) return say('key', `${on}, and the key ${key.name} is not good`);
  if (!route.kinds.includes(key.kind)) say('key', `${on}, which takes no ${key.kind} key`);
  if (!grants(key, { route: { scopes: [] }, method })) say('method', `${on}, and ${key.name} may not ${method}`);
  if (!grants(key, { route })) say('path', `${on}, whose scopes ${key.name} lacks`);
  const { path: paths } = key.rules;
  const granted = (pattern) => (own ? true : matches(foldPattern(pattern, reading.foldPattern), path));
  if (paths && !paths.some(granted)) say('path', `${where} is no path of ${key.name}`);
  if (route.sales_channel_parameter) {
    const channels = key.rules['sales-channel'] ?? [];
    const others = valuesOf(understood, route.sales_channel_parameter).filter((value) => !channels.includes(value));
    if (others.length > 0) say('channel', `${on}, and ${key.name} has no channel ${JSON.stringify(others)}`);
  }
  if (key.rules.origin) {
    const origins = fieldsOf(understood, 'ORIGIN');
    if (origins.length !== 1 || !grants(key, { route, origin: origins[0] }))
      say('origin', `${on}, from the page ${JSON.stringify(origins)}`);
  }
  if (key.rules.cidr) {
    const addresses = request.addresses.filter((address) => isIP(address ?? ''));
    if (!addresses.some((address) => grants(key, { route, address })))
      say('address', `${on}, from ${JSON.stringify(request.addresses)}`);
  }
}

/** What browsers ask before a request with a key, without one. */
function isPreflight(understood, method, route) {
  const has = (name) => fieldsOf(understood, name).some(Boolean);
  return route.preflight && method === 'OPTIONS' && has('ORIGIN') && has('ACCESS_CONTROL_REQUEST_METHOD');
}

function checkBody(request, understood, say) {
  // A client that says two things of its body's length has none that could arrive whole.
  if (request.mutations.some((name) => name === 'framing: another coding' || name === 'framing: a length that is none'))
    return;
  // workerd can't read these, and ends the body there as if it were complete.
  if (['extension', 'bare'].includes(request.chunks)) return;
  const body = request.body ?? Buffer.alloc(0);
  if (!body.equals(understood.body))
    say('body', `${understood.body.length} of ${body.length} bytes arrived, or others`);
}

/**
 * Only keys are taken out of the query, and a few signs in it are percent-encoded. The host may resolve dots and
 * drop a fragment before the gate sees the target, and it ends the target at a blank.
 */
function checkTarget(request, understood, keys, say) {
  // Python's server decodes the path, and tells nobody how it was spelled.
  const target = { express: `${understood.path}?${understood.query}`, cgi: understood.target }[understood.kind];
  if (target === undefined) return;
  // Bytes that are no ASCII are the host's to read, which makes U+FFFD of them; and so is what `#` and `\\` mean.
  if (/[^ -~]|[#\\]/.test(targetOf(request))) return;
  const [path, query] = halves(target);
  const sent = targetOf(request).split(' ')[0];
  const [sentPath, sentQuery] = halves(sent);
  const resolved = new URL(`http://api.example${sent}`);
  if (![sentPath, resolved.pathname].includes(path))
    say('target', `the path ${JSON.stringify(sentPath)} arrived as ${JSON.stringify(path)}`);
  const withoutKeys = (text) =>
    text
      .split('&')
      .filter((pair) => pair !== '' && sentKeys({ path: pair, query: [], headers: [] }, keys).length === 0)
      .join('&');
  const escaped = (text) => text.replace(/["'<>]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  const wanted = [sentQuery, resolved.search.slice(1)].map(escaped).map(withoutKeys);
  if (!wanted.includes(withoutKeys(query)))
    say('target', `the query ${JSON.stringify(wanted[0])} arrived as ${JSON.stringify(query)}`);
}

const halves = (target) => [target.split('?')[0], target.split('?').slice(1).join('?')];

/** A violation, as one who looks for its cause wants it. */
export function told({ rule, text, request, understood }, seed) {
  const spelled = (bytes) => JSON.stringify(bytes.toString('latin1').slice(0, 4000));
  const { body, ...rest } = understood;
  const headers = rest.headers.filter(([name]) => folded(name) !== 'X_FUZZ_ID');
  return [
    `rule "${rule}": ${RULES[rule]}`,
    `  found       ${text}`,
    `  seed ${seed}, request ${understood.id}, gate ${request?.gate.name}, changed by: ${request?.mutations.join('; ') || 'nothing'}`,
    `  sent        ${request ? spelled(request.bytes) : 'nothing by this name'}`,
    `  understood  ${JSON.stringify({ ...rest, headers, body: body.toString('latin1').slice(0, 200) })}`,
  ].join('\n');
}
