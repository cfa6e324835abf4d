// Asking over HTTP, with an end to each wait, and servers of our own on loopback.

import { Agent, createServer, request } from 'node:http';

import { atEnd } from './processes.mjs';

/** Asks; gives status, headers and body, or throws what went wrong. Nothing is tried again. */
export function ask(url, { method = 'GET', headers = {}, body, agent, timeout = 8000 } = {}) {
  return new Promise((resolve, reject) => {
    const sent = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const outgoing = request(url, {
      method,
      agent,
      headers: { ...headers, ...(sent ? { 'content-type': 'application/json', 'content-length': sent.length } : {}) },
    });
    const timer = setTimeout(() => outgoing.destroy(new Error('no answer in time')), timeout);
    const fail = (error) => {
      clearTimeout(timer);
      reject(error);
    };
    outgoing.on('error', fail);
    outgoing.on('response', (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', fail);
      response.on('aborted', () => fail(new Error('cut off')));
      response.on('end', () => {
        clearTimeout(timer);
        if (!response.complete) return reject(new Error('cut off'));
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) });
      });
    });
    outgoing.end(sent);
  });
}

/** The same with the answer read as JSON. */
export async function askJson(url, options) {
  const answer = await ask(url, options);
  const text = answer.body.toString();
  return { ...answer, json: /json/.test(answer.headers['content-type'] ?? '') ? JSON.parse(text) : undefined };
}

export const keptAlive = () => new Agent({ keepAlive: true, maxSockets: 64 });

/** A server on loopback until the campaign is over. */
export async function listen(handler) {
  const server = createServer((incoming, outgoing) => {
    outgoing.on('error', () => {});
    Promise.resolve(handler(incoming, outgoing)).catch(() => outgoing.destroy());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  );
  return { url: `http://127.0.0.1:${server.address().port}`, server };
}

/** All of a stream. */
export async function all(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
