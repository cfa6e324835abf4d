// What the origin may see in fields: of the caller, of who forwarded the request, and of keys.

import { isIP } from 'node:net';

import { folded } from './origins/index.mjs';
import { fieldsOf, valuesOf } from './readings.mjs';
import { holds } from './rules.mjs';
import { keyParametersOf } from './world.mjs';

const ANY_NUMBER = /^\d+$/;
const FRESHNESS = /^(fresh|stale)$/;
const TRUSTED = ['127.0.0.0/8', '10.0.0.0/8'];

/** The members that tell of a key, in the order in which they are told. */
function membersOf(key) {
  const sorted = (values) => (values ? [...values].sort() : undefined);
  const members = {
    key: key.id,
    issuer: key.issuer,
    kind: key.kind,
    environment: 'live',
    list: ANY_NUMBER,
    freshness: FRESHNESS,
    owner: key.owner && String(key.owner),
    policy: key.policy && String(key.policy),
    scopes: sorted(key.rules.scope),
    'sales-channels': sorted(key.rules['sales-channel']),
  };
  return Object.entries(members).filter(([, value]) => value !== undefined);
}

/** Whom the origin takes for the caller: the `key`, if any; and a `problem` if anything of it is not as the gate tells it. */
export function identityOf(understood, gate, keys) {
  const fields = understood.headers.filter(([name]) => /^PORTCULLIS(_|$)/.test(folded(name)));
  if (fields.length === 0) return {};
  const named = fields
    .map(([, value]) => value)
    .join('\n')
    .match(/apk_[0-9A-Za-z]{22}/)?.[0];
  const key = keys.find(({ id }) => id !== undefined && id === named);
  const problem = (text) => ({ key, problem: `${text}: ${JSON.stringify(fields)}` });
  if (!key) return problem('a caller that is none of ours');
  const members = membersOf(key);
  if (gate.identity === 'each') {
    const expected = members.map(([name, value]) => {
      const joined = name === 'scopes' ? value.join(' ') : name === 'sales-channels' ? value.join(',') : value;
      return [folded(`portcullis-${name}`), joined];
    });
    const right = ([name, value]) =>
      fields.filter(
        ([known, found]) => folded(known) === name && (value instanceof RegExp ? value.test(found) : value === found),
      ).length === 1;
    if (fields.length !== expected.length || !expected.every(right))
      return problem('not the headers of this caller alone');
    return { key };
  }
  const [[name, value], ...more] = fields;
  if (more.length > 0 || folded(name) !== 'PORTCULLIS') return problem('more than one header');
  const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const spelled = members.map(([member, content]) => {
    if (content instanceof RegExp) return `${member}=${content.source.slice(1, -1)}`;
    return escape(
      `${member}=${Array.isArray(content) ? `(${content.map((item) => `"${item}"`).join(' ')})` : content}`,
    );
  });
  return new RegExp(`^${spelled.join(', ')}$`).test(value) ? { key } : problem('not what the gate says of this caller');
}

const decodings = (text) => {
  const escapes = text.replace(/%([0-9a-fA-F]{2})/g, (_, digits) => String.fromCharCode(parseInt(digits, 16)));
  const base64 = (text.match(/[A-Za-z0-9+/=_-]{16,}/g) ?? []).map((part) =>
    Buffer.from(part, 'base64').toString('latin1'),
  );
  return [text, escapes, ...base64].join('\n');
};

/** Those of the keys that a request holds, in any place and spelling. */
export function sentKeys(request, keys) {
  const text = [request.path, ...request.query, ...request.headers.map(([, value]) => value)].map(decodings).join('\n');
  return keys.filter(({ token }) => text.includes(token));
}

/** Where a key can be seen, as far as the gate takes it out. */
export function exposed(understood, gate, keys) {
  const places = [
    ['the method', understood.method],
    ['the path', understood.path],
    ...understood.headers.map(([name, value]) => [`the field ${name}`, value]),
    ...keyParametersOf(gate).flatMap((name) =>
      valuesOf(understood, name).map((value) => [`the parameter ${name}`, value]),
    ),
  ];
  return places.flatMap(([place, text]) => {
    const readable = decodings(text);
    return keys.filter(({ token }) => readable.includes(token)).map(({ name }) => `the key ${name} is in ${place}`);
  });
}

const words = (text) => text.trim().split(/\s+/).map(folded);

const REMOVED = words(`
  forwarded forwarded-for x-forwarded x-original-forwarded-for x-real-ip x-client-ip client-ip
  x-cluster-client-ip true-client-ip fastly-client-ip x-remote-ip x-remote-addr x-originating-ip
  x-azure-clientip x-envoy-external-address x-appengine-user-ip wl-proxy-client-ip x-host x-original-host
  x-http-host-override x-scheme x-original-scheme x-url-scheme front-end-https
  x-original-url x-original-uri x-original-path x-rewrite-url x-rewrite-uri x-override-url x-request-uri
  x-envoy-original-path x-waws-unencoded-url x-script-name script-name proxy
  x-http-method-override x-http-method x-method-override
`);
const OF_A_CONNECTION = words(`
  proxy-authorization proxy-authenticate proxy-connection keep-alive te trailer http2-settings expect
`);
const OF_CLOUDFLARE = words(`
  cf-connecting-ip cf-connecting-ipv6 cf-pseudo-ipv4
`);

const sentUnder = (request, name) =>
  request.headers.filter(([known]) => known.toLowerCase() === name).map(([, value]) => value.trim());

/**
 * The addresses that a request may count as coming from; `undefined` is one that is not known. More than one is
 * possible only if the fields that say so are not well formed.
 */
export function addressesOf(request) {
  const { address } = request.gate;
  if (address === 'unknown') return [undefined];
  if (address === 'peer') return ['127.0.0.1'];
  if (address === 'cloudflare') {
    const sent = sentUnder(request, 'cf-connecting-ip');
    return sent.length === 1 && isIP(sent[0]) ? [plainAddress(sent[0])] : [undefined];
  }
  const chain = sentUnder(request, 'x-forwarded-for')
    .join(',')
    .split(',')
    .map((part) => part.trim());
  let last = '127.0.0.1';
  for (const part of chain.reverse()) {
    // Some proxies write the port as well.
    const named = part.replace(/^\[(.*)\](:\d+)?$/, '$1').replace(/^([\d.]+):\d+$/, '$1');
    if (!isIP(named)) return [undefined, last];
    last = plainAddress(named);
    if (!holds(TRUSTED, last)) break;
  }
  return [last];
}

const plainAddress = (text) => text.replace(/^::ffff:(?=\d+\.)/i, '');

/** What fields say of who forwarded the request, of another path or of another method, beyond what the gate says. */
export function forwardingOf(request, understood) {
  const problems = [];
  const { gate } = request;
  for (const [name, value] of understood.headers) {
    const known = folded(name);
    const refuse = () => problems.push(`${name}: ${value}`);
    if (REMOVED.includes(known)) refuse();
    if (
      known.startsWith('X_FORWARDED_') &&
      !['X_FORWARDED_FOR', 'X_FORWARDED_HOST', 'X_FORWARDED_PROTO'].includes(known)
    )
      refuse();
    if (OF_CLOUDFLARE.includes(known) && gate.address !== 'cloudflare') refuse();
  }
  const addresses = request.addresses.filter(Boolean);
  const told = fieldsOf(understood, 'X_FORWARDED_FOR');
  if (told.length > 1 || told.some((value) => !addresses.includes(plainAddress(value))))
    problems.push(`X-Forwarded-For is ${JSON.stringify(told)}, not of ${JSON.stringify(addresses)}`);
  if (told.length === 0 && request.addresses.every(Boolean)) problems.push('X-Forwarded-For is missing');
  const hosts = fieldsOf(understood, 'HOST');
  if (hosts.length !== 1 || !/^127\.0\.0\.1:\d+$/.test(hosts[0]))
    problems.push(`Host is ${JSON.stringify(hosts)}, not the origin's`);
  const believed = gate.address === 'forwarded';
  const said = (name) =>
    believed
      ? sentUnder(request, name).flatMap((value) => [value, ...value.split(',').map((part) => part.trim())])
      : [];
  const among = (name, allowed) => {
    const values = fieldsOf(understood, folded(name));
    const lower = allowed.map((value) => value.toLowerCase());
    if (values.length !== 1 || !lower.includes(values[0].toLowerCase()))
      problems.push(`${name} is ${JSON.stringify(values)}, not of ${JSON.stringify(allowed)}`);
  };
  among('x-forwarded-host', [...sentUnder(request, 'host'), ...said('x-forwarded-host')]);
  among('x-forwarded-proto', ['http', ...said('x-forwarded-proto')]);
  return problems;
}

/** Servers hide `Upgrade` from a CGI, so this is asked of the request as it was sent. */
function isHandshake(request) {
  const words = (field) =>
    sentUnder(request, field)
      .join(',')
      .toLowerCase()
      .split(/[\s,]+/)
      .filter(Boolean);
  const upgrades = words('upgrade');
  return (
    request.method.trim() === 'GET' &&
    words('connection').includes('upgrade') &&
    upgrades.length > 0 &&
    upgrades.every((word) => word === 'websocket')
  );
}

/** Fields that were of the client's connection alone. */
export function hopsOf(request, understood) {
  // A CGI can't tell `x_hop` from `x-hop`, so only a field that was sent under the very name counts.
  const words = sentUnder(request, 'connection')
    .join(',')
    .toLowerCase()
    .split(',')
    .map((word) => word.trim());
  const sent = request.headers.map(([name]) => name.toLowerCase());
  const named = words.filter((word) => sent.includes(word)).map(folded);
  const upgraded = isHandshake(request);
  const problems = understood.headers.filter(([name, value]) => {
    const known = folded(name);
    if (known === 'UPGRADE') return !/^websocket$/i.test(value) || understood.method !== 'GET';
    if (known.startsWith('SEC_WEBSOCKET_')) return !upgraded;
    return OF_A_CONNECTION.includes(known) || (named.includes(known) && !SET_ANEW.includes(known));
  });
  return problems.map(([name, value]) => `${name}: ${value}`);
}

/** What the gate or its host writes itself, whatever the client's connection names. */
const SET_ANEW = words(`
  host connection content-length transfer-encoding cache-control x-forwarded-for x-forwarded-host x-forwarded-proto
`);
