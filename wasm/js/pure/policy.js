// Policies (docs/policy.md): parses one policy, and checks a request against it.

import { covers } from '../shared/scope.js';
import { compareBytes, checkField, latin1, notCanonical, Reader } from './reader.js';

const LONGEST = 8000;
const LONGEST_TEXT = 255;
const ORIGIN = /^([a-z][a-z0-9+.-]*):\/\/(?:[a-z0-9._-]+|\[(?=[^\]]*:)[0-9a-f:]+\])(?::([1-9][0-9]{0,4}))?$/;
const DEFAULT_PORTS = { http: '80', https: '443' };
const METHOD = /^[A-Z0-9_-]{1,32}$/;
const GRANT = /^(?:[a-z0-9_.-]+|\*)(?::(?:[a-z0-9_.-]+|\*))*$/;
const SALES_CHANNEL = /^[A-Za-z0-9_-]{1,64}$/;
const RATE_CLASS = /^[a-z0-9-]{1,32}$/;
const PATH = /^\/(?:[A-Za-z0-9._~!$&'()*+,=:@/-]|%[0-9A-Fa-f]{2})*$/;
const NEVER_ESCAPED = new Set([...'%./;\\'].map((character) => character.charCodeAt(0)).concat([0x7f]));

export const NO_POLICY = {
  networks: [],
  origins: [],
  methods: [],
  paths: [],
  scopes: [],
  salesChannels: [],
  rateClass: null,
};

// Returns `null` for a policy with a list that this version doesn't know. It may restrict, so
// nothing of the policy is read.
export function readPolicy(record) {
  checkField(record.length <= LONGEST, 'policy');
  const reader = new Reader(record);
  const flags = reader.u16();
  if (flags >= 2 ** 8) return null;
  const lists = [];
  for (let bit = 0; bit < 8; bit += 1) {
    const follows = ((flags >> bit) & 1) === 1;
    const length = follows ? reader.u16() : 0;
    checkField(!follows || length > 0, 'policy');
    lists.push(reader.take(length));
  }
  reader.end();
  const each = (list, isOne, name) => readTexts(list, name).map((text) => {
    checkField(isOne(text), name);
    return text;
  });
  const [ipv4, ipv6, origins, methods, paths, scopes, channels, rates] = lists;
  const classes = each(rates, (text) => RATE_CLASS.test(text), 'rate class');
  checkField(classes.length <= 1, 'rate class');
  return {
    networks: [...readNetworks(ipv4, 5), ...readNetworks(ipv6, 17)],
    origins: each(origins, isOrigin, 'origins'),
    methods: each(methods, (text) => METHOD.test(text), 'methods'),
    paths: each(paths, isPattern, 'paths'),
    scopes: each(scopes, (text) => text.length <= LONGEST_TEXT && GRANT.test(text), 'scopes'),
    salesChannels: each(channels, (text) => SALES_CHANNEL.test(text), 'sales channels'),
    rateClass: classes[0] ?? null,
  };
}

function ascending(items, name) {
  for (let at = 1; at < items.length; at += 1) checkField(compareBytes(items[at - 1], items[at]) < 0, name);
  return items;
}

function readNetworks(list, size) {
  if (list.length % size !== 0) throw notCanonical('networks');
  const items = [];
  for (let at = 0; at < list.length; at += size) items.push(list.subarray(at, at + size));
  return ascending(items, 'networks').map((item) => {
    const [address, bits] = [item.subarray(0, -1), item[size - 1]];
    checkField(bits <= 8 * address.length, 'networks');
    checkField(address.every((byte, at) => (byte & ~mask(bits, at) & 0xff) === 0), 'networks');
    checkField(!isMapped(address) || bits < 96, 'networks');
    return { address, bits };
  });
}

// The mask of the bits of the byte `at` that belong to a prefix of `bits` bits.
function mask(bits, at) {
  const counting = Math.min(8, Math.max(0, bits - 8 * at));
  return (0xff00 >> counting) & 0xff;
}

function isMapped(address) {
  return address.length === 16 && address.subarray(0, 10).every((byte) => byte === 0) && address[10] === 0xff && address[11] === 0xff;
}

function readTexts(list, name) {
  const reader = new Reader(list);
  const items = [];
  while (reader.left > 0) items.push(reader.take(reader.u8()));
  return ascending(items, name).map(latin1);
}

function isOrigin(text) {
  const [, scheme, port] = ORIGIN.exec(text) ?? [];
  if (scheme === undefined) return false;
  return port === undefined || (Number(port) <= 65535 && DEFAULT_PORTS[scheme] !== port);
}

function escapes(text) {
  return Array.from(text.matchAll(/%(..)/g), ([, digits]) => digits);
}

function isPlain(text) {
  if (!PATH.test(text)) return false;
  const segments = text.slice(1).split('/');
  if (segments.slice(0, -1).includes('') || segments.includes('.') || segments.includes('..')) return false;
  const allowed = escapes(text).every((digits) => {
    const code = Number.parseInt(digits, 16);
    return code >= 0x20 && !NEVER_ESCAPED.has(code);
  });
  return allowed && isUtf8(text);
}

// Whether the escapes decode to UTF-8; overlong forms and surrogates are refused.
function isUtf8(text) {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function isPattern(text) {
  if (text.length > LONGEST_TEXT || !isPlain(text)) return false;
  const segments = text.slice(1).split('/');
  const last = segments.pop();
  const wild = (segment) => !segment.includes('*') || segment === '*';
  return segments.every(wild) && (wild(last) || last === '**') && escapes(text).every((digits) => digits === digits.toUpperCase());
}

// The code of the first rule that denies the request, or `undefined`.
export function denial(policy, { address, origin, method, path, scopes, salesChannel }) {
  const { networks, origins, methods, paths } = policy;
  if (networks.length > 0 && !networks.some((network) => holds(network, address))) return 'address_denied';
  if (origins.length > 0 && !origins.includes(origin)) return 'origin_denied';
  if (methods.length > 0 && !methods.includes(method)) return 'method_denied';
  if (paths.length > 0 && !(isPlain(path) && paths.some((pattern) => matches(pattern, path)))) return 'path_denied';
  if (!scopes.every((scope) => policy.scopes.some((grant) => covers(grant, scope)))) return 'scope_missing';
  if (salesChannel !== undefined && !policy.salesChannels.includes(salesChannel)) return 'sales_channel_denied';
  return undefined;
}

// An IPv4-mapped IPv6 address counts as the IPv4 address.
function holds({ address: network, bits }, given) {
  if (given === undefined) return false;
  const address = isMapped(given) ? given.subarray(12) : given;
  return address.length === network.length && address.every((byte, at) => ((byte ^ network[at]) & mask(bits, at)) === 0);
}

function matches(pattern, path) {
  const ours = pattern.slice(1).split('/');
  let theirs = path.slice(1).split('/');
  if (ours.at(-1) === '**') {
    ours.pop();
    theirs = theirs.slice(0, ours.length);
  }
  return ours.length === theirs.length && ours.every((segment, at) => segment === theirs[at] || (segment === '*' && theirs[at] !== ''));
}
