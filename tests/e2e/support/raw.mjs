// A client that sends bytes as they are, and an origin that keeps the bytes that reach it: what stands between
// them is tested, so neither may be an HTTP library with opinions of its own.

import { createHash } from 'node:crypto';
import { connect, createServer } from 'node:net';

import { readBody, readHead, valuesOf } from './message.mjs';
import { atEnd } from './processes.mjs';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const PATIENCE_MS = 20_000;

/**
 * Sends `bytes` and gives the answers to them, of which there are `count` at least. The client then says that it
 * has no more to send, and whatever else comes until the other side hangs up counts as well: a request that was
 * smuggled in gives one answer too many.
 */
export function exchange(port, bytes, count = 1) {
  return new Promise((resolve, reject) => {
    const isHead = bytes.subarray(0, 5).toString('latin1') === 'HEAD ';
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const answers = [];
    let rest = Buffer.alloc(0);
    const timer = setTimeout(() => finish(new Error(`${answers.length} of ${count} answers came`)), PATIENCE_MS);
    const finish = (error) => {
      clearTimeout(timer);
      socket.destroy();
      if (error && answers.length < count) reject(error);
      else resolve(answers);
    };
    const hear = (closed) => {
      for (;;) {
        const answer = readAnswer(rest, { closed, isHead: isHead && answers.length === 0 });
        if (!answer) return;
        rest = rest.subarray(answer.end);
        // An interim answer says that the request is being read.
        if (answer.status >= 100 && answer.status < 200 && answer.status !== 101) continue;
        answers.push(answer);
        if (answer.status === 101) return finish();
        if (answers.length === count) socket.end();
      }
    };
    socket.on('data', (data) => {
      rest = Buffer.concat([rest, data]);
      hear(false);
    });
    socket.on('end', () => {
      hear(true);
      finish(new Error(`the connection ended after ${answers.length} of ${count} answers`));
    });
    socket.on('error', finish);
    socket.write(bytes);
  });
}

function readAnswer(bytes, { closed, isHead }) {
  const head = readHead(bytes);
  if (!head) return undefined;
  const status = Number(head.start.split(' ')[1]);
  const without = isHead || status < 200 || status === 204 || status === 304;
  const body = readBody(bytes, head.length, head.headers, { closed, without, toEnd: true });
  return body && { status, headers: head.headers, body: body.body, end: body.end };
}

/**
 * An origin. `origin.seen` are the requests that reached it, in their order; `origin.answer` is what the next
 * one gets, `{ status, headers, body }`. Each answer carries the request's number, so that a client can tell
 * that the answer is to its own request.
 */
export async function startRawOrigin() {
  const origin = { seen: [], answer: undefined };
  const sockets = new Set();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    let rest = Buffer.alloc(0);
    let upgraded = false;
    socket.on('data', (data) => {
      if (upgraded) return;
      rest = Buffer.concat([rest, data]);
      for (;;) {
        const request = readRequest(rest);
        if (!request) return;
        rest = rest.subarray(request.end);
        origin.seen.push(request);
        socket.write(answerTo(request, origin.answer, origin.seen.length));
        upgraded = origin.answer?.status === 101;
      }
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        sockets.forEach((socket) => socket.destroy());
      }),
  );
  origin.host = `127.0.0.1:${server.address().port}`;
  return origin;
}

function readRequest(bytes) {
  const head = readHead(bytes);
  if (!head) return undefined;
  const body = readBody(bytes, head.length, head.headers);
  if (!body) return undefined;
  const [method, target] = head.start.split(' ');
  return { method, target, headers: head.headers, body: body.body, end: body.end };
}

function answerTo(request, { status = 200, headers = [], body = 'here' } = {}, id) {
  const fields = [...headers, ['X-Origin-Request', String(id)]];
  const [key] = valuesOf(request.headers, 'sec-websocket-key');
  if (status === 101) {
    const accept = createHash('sha1').update(key + GUID).digest('base64');
    fields.push(['Upgrade', 'websocket'], ['Connection', 'Upgrade'], ['Sec-WebSocket-Accept', accept]);
  }
  const bodiless = status === 101 || status === 204 || status === 304;
  if (!bodiless) fields.push(['Content-Length', String(Buffer.byteLength(body, 'latin1'))]);
  const head = [`HTTP/1.1 ${status} Said`, ...fields.map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n');
  return Buffer.from(head + (bodiless || request.method === 'HEAD' ? '' : body), 'latin1');
}
