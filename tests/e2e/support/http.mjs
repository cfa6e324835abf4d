// Small servers on loopback: an origin that reports the request it got, and a relay that can change files.

import { createHash } from 'node:crypto';
import { createServer, request } from 'node:http';

import { atEnd } from './processes.mjs';

/** A server on loopback, until the test file is done. */
export async function listen(handler) {
  const server = createServer(handler);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  // Those that became WebSockets are no connections of the server's any more.
  const sockets = new Set();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const close = () =>
    new Promise((resolve) => {
      server.close(resolve);
      sockets.forEach((socket) => socket.destroy());
    });
  atEnd(close);
  return { url: `http://127.0.0.1:${server.address().port}`, close, server };
}

/** All of a stream. */
export function read(stream) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    stream.on('data', (chunk) => chunks.push(chunk));
    stream.on('end', () => resolve(Buffer.concat(chunks)));
    stream.on('error', reject);
  });
}

/**
 * Answers with `{ status, headers, body }`. Nothing at all hangs up; `endless` goes on behind the
 * body until the other side has had enough.
 */
export function reply(outgoing, answer) {
  if (!answer) return outgoing.socket?.destroy();
  outgoing.writeHead(answer.status ?? 200, { 'content-type': 'application/octet-stream', ...(answer.sent ?? {}) });
  if (!answer.endless) return outgoing.end(answer.body);
  if (answer.body) outgoing.write(answer.body);
  const chunk = Buffer.alloc(64 << 10);
  const more = () => {
    while (!outgoing.destroyed && outgoing.write(chunk));
  };
  outgoing.on('drain', more);
  more();
}

/** An origin that answers with what it was asked. */
export async function startOrigin() {
  return listen(async (incoming, outgoing) => {
    const body = (await read(incoming)).toString();
    outgoing.setHeader('content-type', 'application/json');
    outgoing.setHeader('x-origin', 'yes');
    outgoing.statusCode = incoming.url.startsWith('/teapot') ? 418 : 200;
    outgoing.end(JSON.stringify({ method: incoming.method, url: incoming.url, headers: incoming.headers, body }));
  });
}

/** Fetches `path` from `base`, with Node's plain client: nothing is cached, nothing is followed. */
export function fetchBytes(base, path, { method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const { host, ...others } = headers;
    request(base + path, { method, headers: others }, async (response) => {
      resolve({ status: response.statusCode, headers: response.headers, body: await read(response) });
    })
      .on('error', reject)
      .end(body);
  });
}

/**
 * Stands between gate and issuer. `relay.answer` decides what the gate gets: it is given the path
 * and a function that fetches the truth, and gives `{ status, body }`, or `null` to hang up.
 */
export async function startRelay(upstream) {
  const relay = { upstream, requests: [] };
  relay.honest = (path, truth) => truth(path);
  relay.down = () => null;
  relay.answer = relay.honest;
  const server = await listen(async (incoming, outgoing) => {
    relay.requests.push(incoming.url);
    const body = await read(incoming);
    const { method, headers } = incoming;
    let answer = null;
    try {
      answer = await relay.answer(incoming.url, (path) =>
        fetchBytes(relay.upstream, path, { method, headers, body }),
      );
    } catch {
      // The issuer is gone: so are we.
    }
    reply(outgoing, answer);
  });
  return Object.assign(relay, server);
}

/** What an issuer serves now, kept: to be put out again later. */
export async function recording(base) {
  const kept = new Map();
  const keep = async (path) => {
    const answer = await fetchBytes(base, path);
    kept.set(path, answer);
    return answer.body;
  };
  const root = '/.well-known/portcullis';
  await keep(`${root}/keyring`);
  await keep(`${root}/stamp`);
  const head = await keep(`${root}/head`);
  await keep(`${root}/bundle`);
  const digest = createHash('sha256').update(head).digest('hex');
  kept.set(`${root}/heads/${digest}`, { status: 200, body: head });
  // A line of 40 bytes for each shard follows their count; a body's digest stands 8 bytes into it.
  const count = head.readUInt32BE(146);
  for (let shard = 0; shard < count; shard++) {
    const at = 150 + 40 * shard + 8;
    await keep(`${root}/bodies/${head.subarray(at, at + 32).toString('hex')}`);
  }
  return (path, truth) => kept.get(path) ?? truth(path);
}
