// Requests as bytes, and answers from a socket: no client library mends what is sent here.

import { connect } from 'node:net';

/** How long an answer is waited for. A request whose framing nobody can end gets none. */
const PATIENCE = 5_000;

/** The target of a request, as it is spelled. */
export const targetOf = ({ path, query }) => (query.length > 0 ? `${path}?${query.join('&')}` : path);

/** The bytes of a request. */
export function bytesOf(request) {
  const { method, headers, body, framing, version = '1.1' } = request;
  const target = targetOf(request);
  const lines = headers.map(([name, value, separator = ': ']) => name + separator + value);
  if (framing === 'chunked' && body) lines.push('Transfer-Encoding: chunked');
  if (framing === 'length' && body) lines.push(`Content-Length: ${body.length}`);
  const head = Buffer.from([`${method} ${target} HTTP/${version}`, ...lines, '', ''].join('\r\n'), 'latin1');
  if (!body) return head;
  return Buffer.concat([head, framing === 'chunked' ? chunked(request) : body]);
}

function chunked({ body, chunks, trailer = '' }) {
  const step = chunks === 'single' ? 1 : 1000;
  const end = chunks === 'bare' ? '\n' : '\r\n';
  const parts = [];
  for (let at = 0; at < body.length && parts.length < 300; at += step) {
    const part = step === 1 && parts.length === 297 ? body.subarray(at) : body.subarray(at, at + step);
    let size = part.length.toString(16);
    if (chunks === 'zeros') size = size.padStart(6, '0');
    if (chunks === 'capitals') size = size.toUpperCase();
    if (chunks === 'extension') size += ';name="x;y"';
    parts.push(Buffer.from(size + end), part, Buffer.from(end));
    if (part.length + at === body.length) break;
  }
  return Buffer.concat([...parts, Buffer.from(`0${end}${trailer}${end}`, 'latin1')]);
}

/** The first answer in `bytes` to a request of this method: its status, and where the next one begins. */
function answerIn(bytes, method, closed) {
  let start = 0;
  for (;;) {
    const end = bytes.indexOf('\r\n\r\n', start);
    if (end === -1) return undefined;
    const head = bytes.toString('latin1', start, end);
    const status = Number(head.match(/^HTTP\/1\.[01] (\d{3})/)?.[1]);
    const field = (name) => head.match(new RegExp(`\\r\\n${name}: *([^\\r]*)`, 'i'))?.[1];
    const found = { status, close: /close/i.test(field('connection') ?? ''), type: field('content-type') };
    const body = end + 4;
    if (status >= 100 && status < 200 && status !== 101) {
      start = body;
      continue;
    }
    if (method.trim() === 'HEAD' || [101, 204, 304].includes(status))
      return { ...found, next: body, close: found.close || status === 101 };
    if (/chunked/i.test(field('transfer-encoding') ?? '')) {
      const last = endOfChunks(bytes, body);
      return last === undefined ? undefined : { ...found, next: last };
    }
    const length = field('content-length');
    if (length === undefined) return closed ? { ...found, next: bytes.length, close: true } : undefined;
    return bytes.length < body + Number(length) ? undefined : { ...found, next: body + Number(length) };
  }
}

function endOfChunks(bytes, start) {
  for (let at = start; ;) {
    const line = bytes.indexOf('\r\n', at);
    if (line === -1) return undefined;
    const size = parseInt(bytes.toString('latin1', at, line), 16);
    at = line + 2 + size + 2;
    if (size === 0) return bytes.length < at ? undefined : at;
    if (bytes.length < at) return undefined;
  }
}

/**
 * Sends requests over one connection, all at once or each behind the answer to the one before it.
 * Gives an answer for each, `undefined` for those that got none. Those behind an answer that closes the
 * connection are sent over another: `times` of a request is how often it was sent.
 */
export async function exchange(port, requests, together) {
  const answers = [];
  while (answers.length < requests.length) {
    const got = await overOne(port, requests.slice(answers.length), together);
    // A connection that ends without an answer has had its chance: the request counts as unanswered.
    answers.push(...(got.length > 0 ? got : [undefined]));
  }
  return answers;
}

function overOne(port, requests, together) {
  return new Promise((resolve) => {
    const answers = [];
    let bytes = Buffer.alloc(0);
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const timer = setTimeout(() => socket.destroy(), PATIENCE);
    const send = (at) => {
      requests[at].times = (requests[at].times ?? 0) + 1;
      socket.write(requests[at].bytes);
    };
    const hear = (closed) => {
      while (answers.length < requests.length) {
        const { method } = requests[answers.length];
        const answer = answerIn(bytes, method, closed);
        if (!answer) return;
        answers.push(answer);
        bytes = bytes.subarray(answer.next);
        timer.refresh();
        if (answer.close || answers.length === requests.length) return socket.destroy();
        if (!together) send(answers.length);
      }
    };
    socket.on('connect', () => {
      if (together) requests.forEach((_, at) => send(at));
      else send(0);
    });
    socket.on('data', (data) => {
      bytes = Buffer.concat([bytes, data]);
      hear(false);
    });
    socket.on('end', () => hear(true));
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(answers);
    });
  });
}
