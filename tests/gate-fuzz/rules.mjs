// What routes and policies say, read from their specification and from nothing of the gate's.

import { BlockList, isIP } from 'node:net';

/** Whether a pattern (`*` one segment, `**` at the end whatever is left) matches a path. */
export function matches(pattern, path) {
  if (!path.startsWith('/')) return false;
  const wanted = pattern.split('/').slice(1);
  const segments = path.split('/').slice(1);
  if (wanted.at(-1) === '**') {
    wanted.pop();
    if (segments.length < wanted.length) return false;
    segments.length = wanted.length;
  }
  return (
    wanted.length === segments.length &&
    wanted.every((segment, at) => (segment === '*' ? segments[at] !== '' : segment === segments[at]))
  );
}

/** Whether one of the granted scopes covers the one that is needed. */
export function covers(granted, needed) {
  const wanted = needed.split(':');
  return granted.some((scope) => {
    const segments = scope.split(':');
    const open = segments.at(-1) === '*';
    if (open ? wanted.length < segments.length : wanted.length !== segments.length) return false;
    return segments.every((segment, at) => segment === '*' || segment === wanted[at]);
  });
}

/** Whether one of the networks holds an address. */
export function holds(networks, address) {
  const family = isIP(address ?? '');
  if (family === 0) return false;
  return networks.some((network) => {
    const [base, bits] = network.split('/');
    if (isIP(base) !== family) return false;
    const list = new BlockList();
    list.addSubnet(base, Number(bits), `ipv${family}`);
    return list.check(address, `ipv${family}`);
  });
}

/** A route that lists GET takes HEAD: origins run the same handler for both. */
export function takes(route, method) {
  const { methods } = route;
  return methods.length === 0 || methods.includes(method) || (method === 'HEAD' && methods.includes('GET'));
}

/** The first route that a path and a method fall on, if patterns are read by `fold`. */
export function routeFor(routes, method, path, fold = (text) => text) {
  return routes.find((route) => takes(route, method) && matches(foldPattern(route.path, fold), path));
}

/** A pattern as an origin that decodes and folds paths holds it: its stars stay. */
export function foldPattern(pattern, fold) {
  if (pattern === '/**') return pattern;
  const read = (text) => fold(decodeURIComponent(text));
  return pattern.endsWith('/**') ? `${read(pattern.slice(0, -3))}/**` : read(pattern);
}

/** Whether a key's policy lets it do a thing; what is unknown is left out of the question. */
export function grants({ rules = {} }, { route, method, address, origin }) {
  return (
    route.scopes.every((scope) => covers(rules.scope ?? [], scope)) &&
    (method === undefined || !rules.method || rules.method.includes(method)) &&
    (address === undefined || !rules.cidr || holds(rules.cidr, address)) &&
    (origin === undefined || !rules.origin || rules.origin.includes(origin))
  );
}
