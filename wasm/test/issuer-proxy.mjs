// A proxy in front of the issuer that loses answers, as real networks do.

import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { close, listen } from './support.mjs';

/**
 * `plan` says what happens to the next requests, in order; later requests pass. `pass` passes the
 * request on. `drop` ends the connection before the issuer gets the request, and `lose` after the issuer
 * has answered. For an object with `status` and `headers` the proxy answers itself, and the issuer sees
 * nothing. `cut` ends the newest stream.
 */
export async function proxy(target) {
  const state = { plan: [], seen: [] };
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method, url, headers } = request;
    state.seen.push({ method, url, headers });
    const step = state.plan.shift() ?? 'pass';
    if (step === 'drop') return request.socket.destroy();
    if (typeof step === 'object') {
      const { status, headers: given = {}, body = '' } = step;
      return response.writeHead(status, given).end(body);
    }
    const { host, connection, 'content-length': _, ...passed } = headers;
    const body = chunks.length === 0 ? undefined : Buffer.concat(chunks);
    const answer = await fetch(target + url, { method, headers: passed, body });
    if (answer.headers.get('content-type')?.startsWith('text/event-stream')) {
      response.writeHead(answer.status, { 'content-type': 'text/event-stream' });
      state.cut = () => request.socket.destroy();
      return pipeline(Readable.fromWeb(answer.body), response).catch(() => {});
    }
    const text = Buffer.from(await answer.arrayBuffer());
    if (step === 'lose') return request.socket.destroy();
    const type = answer.headers.get('content-type');
    response.writeHead(answer.status, type === null ? {} : { 'content-type': type }).end(text);
  });
  state.url = `http://127.0.0.1:${await listen(server)}`;
  state.close = () => close(server);
  /** The requests of `act`, from first to last. */
  state.during = async (plan, act) => {
    state.plan = plan;
    state.seen = [];
    const result = await act();
    return { result, seen: state.seen };
  };
  return state;
}
