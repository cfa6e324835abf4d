// Workers KV, R2 and the Cache API as workerd speaks to them, and Workers KV as the issuer does.
//
// Each is a small server on loopback. `store.fault` makes it late, failing, lying, endless or gone.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { listen, read, reply } from './http.mjs';

/** A server whose answers a fault may replace: `handle` gives what `reply` takes. */
async function startStore(handle) {
  const store = { requests: [], fault: undefined };
  const server = await listen(async (incoming, outgoing) => {
    const body = await read(incoming);
    const url = new URL(incoming.url, 'http://store');
    const told = { method: incoming.method, url, headers: incoming.headers, body };
    const name = told.headers['cf-r2-request']
      ? JSON.parse(told.headers['cf-r2-request']).object
      : decodeURIComponent(url.pathname.slice(1));
    store.requests.push(name);
    const isGate = told.headers.authorization === undefined;
    const answer = isGate && store.fault ? await store.fault(() => handle(told), name) : await handle(told);
    reply(outgoing, answer);
  });
  return Object.assign(store, server);
}

/** What may be wrong with a store, by name. */
export const faults = {
  slow: async (truth) => {
    await new Promise((resolve) => setTimeout(resolve, 10_000).unref());
    return truth();
  },
  failing: () => ({ status: 500, sent: { 'cf-r2-error': '{"version":1,"v4code":10001,"message":"x"}' } }),
  gone: () => undefined,
  truncated: async (truth) => {
    const answer = await truth();
    return { ...answer, body: answer.body?.subarray(0, -1) };
  },
  endless: async (truth) => ({ ...(await truth()), endless: true }),
};

/** A namespace of Workers KV: `kv:account/namespace,api=URL` for the issuer, a binding for workerd. */
export async function startKv() {
  const values = new Map();
  const api = '/accounts/account/storage/kv/namespaces/namespace/values/';
  const store = await startStore(({ method, url, body }) => {
    const isApi = url.pathname.startsWith(api);
    const name = decodeURIComponent(isApi ? url.pathname.slice(api.length) : url.pathname.slice(1));
    if (isApi && method === 'PUT') {
      values.set(name, body);
      return { body: '{"success":true}' };
    }
    return values.has(name) ? { body: values.get(name) } : { status: 404 };
  });
  const target = `kv:account/namespace,api=${store.url},every=250ms`;
  return Object.assign(store, { values, target });
}

/** An R2 bucket that holds what is in a folder, which the issuer writes as a target. */
export async function startR2(folder, prefix = '') {
  return startStore(async ({ headers }) => {
    const { method, object } = JSON.parse(headers['cf-r2-request']);
    const contents =
      method === 'get' && object.startsWith(prefix)
        ? await readFile(join(folder, object.slice(prefix.length))).catch(() => undefined)
        : undefined;
    if (!contents) {
      return { status: 404, sent: { 'cf-r2-error': '{"version":1,"v4code":10007,"message":"no such object"}' } };
    }
    const metadata = Buffer.from(
      JSON.stringify({ name: object, version: '1', size: String(contents.length), etag: '1', uploaded: '0' }),
    );
    return {
      sent: { 'cf-r2-metadata-size': String(metadata.length) },
      body: Buffer.concat([metadata, contents]),
    };
  });
}

/** The cache behind the Cache API. What it holds is a whole HTTP message. */
export async function startCache() {
  const messages = new Map();
  const store = await startStore(({ method, url, headers, body }) => {
    const name = `${headers.host}${url.pathname}`;
    if (method === 'PUT') {
      messages.set(name, body);
      return { status: 204 };
    }
    const message = messages.get(name);
    if (!message) return { status: 504, sent: { 'cf-cache-status': 'MISS' } };
    const end = message.indexOf('\r\n\r\n');
    const lines = message.subarray(0, end).toString().split('\r\n').slice(1);
    const kept = lines.map((line) => line.split(': '));
    return {
      sent: { ...Object.fromEntries(kept), 'cf-cache-status': 'HIT' },
      body: message.subarray(end + 4),
    };
  });
  return Object.assign(store, { messages });
}
