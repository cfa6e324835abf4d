// A gate with bugs, in the real one's place: it shows that the oracle can find what it looks for.

import { createServer, request as ask } from 'node:http';

import { read } from '../e2e/support/http.mjs';
import { atEnd } from '../e2e/support/processes.mjs';
import { grants, matches, takes } from './rules.mjs';
import { routesOf } from './world.mjs';

/**
 * - `open` lets everything pass as it is;
 * - `exact` verifies the key, the path and the method exactly as they are spelled, as a gate may, and then passes
 *   the client's own request on, with the caller told of beside whatever the client said;
 * - `careless` does the same, but cuts a byte off each body and sends everything twice.
 */
export const BUGS = ['open', 'exact', 'careless'];

export async function startPlanted(bug, { gate, keys, originUrl, issuer }) {
  const server = createServer(async (incoming, outgoing) => {
    const body = await read(incoming).catch(() => undefined);
    if (!body) return;
    const caller = bug === 'open' ? {} : callerOf(incoming, gate, keys);
    if (!caller) {
      outgoing.statusCode = 401;
      return outgoing.end();
    }
    const send = () =>
      pass(
        incoming,
        bug === 'careless' ? body.subarray(0, -1) : body,
        caller.key && told(caller.key, issuer, gate),
        originUrl,
      );
    const status = await send();
    if (bug === 'careless') await send();
    outgoing.statusCode = status;
    outgoing.end();
  });
  server.on('clientError', (_, socket) => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(() => {
    server.close();
    server.closeAllConnections();
  });
  return server.address().port;
}

/** The caller, or nothing: what is verified here is one spelling of several. */
function callerOf({ method, url, headers }, gate, keys) {
  const [path, query = ''] = url.split('?');
  const route = routesOf(gate).find((route) => takes(route, method) && matches(route.path, path));
  if (!route) return undefined;
  if (route.open) return {};
  const sent = [headers['x-api-key'], headers['x-publishable-api-key'], headers.authorization?.replace(/^Bearer /, '')];
  const text = sent.find(Boolean);
  const key = keys.find(({ good, token }) => good && token === text);
  if (!key || !route.kinds.includes(key.kind) || !grants(key, { route, method })) return undefined;
  const address = headers['x-forwarded-for']?.split(',')[0] ?? '127.0.0.1';
  if (!grants(key, { route, address })) return undefined;
  if (key.rules.path && !key.rules.path.some((pattern) => matches(pattern, path))) return undefined;
  const channels = new URLSearchParams(query).getAll(route.sales_channel_parameter ?? '');
  return channels.every((channel) => key.rules['sales-channel']?.includes(channel)) ? { key } : undefined;
}

function told(key, issuer, gate) {
  const members = {
    key: key.id,
    issuer: issuer.issuer,
    kind: key.kind,
    environment: 'live',
    list: 1,
    freshness: 'fresh',
  };
  if (gate.identity === 'each') return Object.entries(members).map(([name, value]) => [`portcullis-${name}`, value]);
  return [
    [
      'portcullis',
      Object.entries(members)
        .map(([name, value]) => `${name}=${value}`)
        .join(', '),
    ],
  ];
}

function pass({ method, url, rawHeaders }, body, identity, originUrl) {
  return new Promise((resolve) => {
    const headers = [...rawHeaders];
    for (const [name, value] of identity ?? []) headers.push(name, String(value));
    const framing = /^(content-length|transfer-encoding|connection|expect|upgrade|trailer)$/i;
    const kept = [];
    for (let at = 0; at < headers.length; at += 2)
      if (!framing.test(headers[at])) kept.push(headers[at], headers[at + 1]);
    if (body.length > 0) kept.push('Content-Length', String(body.length));
    const { hostname, port } = new URL(originUrl);
    const outgoing = ask({ hostname, port, method, path: url, headers: kept, setHost: false }, (answer) => {
      answer.resume();
      answer.on('close', () => resolve(answer.statusCode));
    });
    outgoing.on('error', () => resolve(502));
    outgoing.end(body);
  });
}
