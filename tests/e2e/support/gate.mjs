// The gate as it is deployed, in real workerd.

import { fileURLToPath } from 'node:url';
import { request } from 'node:http';

import { handedOver, start, until } from './processes.mjs';

const CONFIG = fileURLToPath(new URL('../../../crates/edge/workerd.capnp', import.meta.url));

/** Starts a gate; `settings` are its variables, by the names of wrangler.toml. */
export async function startGate(settings) {
  const gate = await start(
    handedOver('PORTCULLIS_WORKERD'),
    ['serve', CONFIG, '--socket-addr', 'http=127.0.0.1:0', '--control-fd=3'],
    {
      env: { ENVIRONMENT: 'live', FRESH_FOR: '1', ...settings },
      ready: (told) =>
        told
          .split('\n')
          .filter((line) => line.startsWith('{'))
          .map((line) => JSON.parse(line))
          .find((event) => event.event === 'listen')?.port,
    },
  );
  const url = `http://127.0.0.1:${gate.value}`;
  return Object.assign(gate, {
    url,
    /** The codes of all refusals so far, from the structured log. */
    codes: () => codes(gate.log),
    /** Waits until the log says why the last request was refused: it comes behind the answer. */
    refusedFor: (code) => until(`the log says ${code}`, () => codes(gate.log).at(-1) === code, 5),
    /** Waits until the log holds `text`. */
    says: (text) => until(`the log says ${text}`, () => gate.log.includes(text), 5),
    /** Asks the gate with a key as Bearer; headers as they are, nothing normalised. */
    ask: (key, { method = 'GET', path = '/', headers = {}, body } = {}) =>
      ask(url + path, method, { ...(key === undefined ? {} : { authorization: `Bearer ${key}` }), ...headers }, body),
  });
}

function codes(log) {
  return log
    .split('\n')
    .map((line) => line.slice(line.indexOf('{')))
    .filter((line) => line.startsWith('{"'))
    .flatMap((line) => {
      try {
        return [JSON.parse(line)];
      } catch {
        return []; // a line that is still on its way
      }
    })
    .filter((entry) => entry.event === 'refused')
    .map((entry) => entry.code);
}

function ask(url, method, headers, body) {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({
          status: response.statusCode,
          headers: response.headers,
          text,
          json: /json/.test(response.headers['content-type'] ?? '') ? JSON.parse(text) : undefined,
        });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
