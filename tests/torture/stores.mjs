// Targets over the network: a namespace of Workers KV and a bucket, as the issuer speaks to them, which
// can hang, fail, answer with half, forget what they were given, or keep half of it.

import { createHash } from 'node:crypto';

import { all, listen } from './http.mjs';
import { pause } from './processes.mjs';

const HELD_MS = 15_000;
const API = '/accounts/account/storage/kv/namespaces/namespace/values/';

/** What may be wrong with a store, by name: it is given the request, and says what becomes of it. */
export const STORE_FAULTS = {
  hangs: async () => {
    await pause(HELD_MS);
    return { gone: true };
  },
  fails: async () => ({ status: 500 }),
  'hangs up': async () => ({ gone: true }),
  'answers with half': async (handle) => {
    const answer = await handle();
    return answer.body ? { ...answer, body: answer.body.subarray(0, answer.body.length >> 1) } : answer;
  },
  'answers with what was there before': async (handle, { method, name, store }) => {
    const before = store.before.get(name);
    const answer = await handle();
    return method === 'GET' && before && answer.status === undefined ? { ...answer, body: before } : answer;
  },
  'forgets what it took': async (handle, { method }) => (method === 'PUT' ? { body: Buffer.from('{"success":true}'), etag: '"none"' } : handle()),
  'keeps half of what it took': async (handle, { method, body }) => handle(method === 'PUT' ? body.subarray(0, body.length >> 1) : body),
};

class Store {
  constructor(name) {
    Object.assign(this, { name, values: new Map(), before: new Map(), fault: null, hit: 0, hurt: false });
  }

  async listen() {
    const { url } = await listen(async (incoming, outgoing) => {
      const body = await all(incoming);
      const request = { method: incoming.method, path: decodeURIComponent(incoming.url.split('?')[0]), headers: incoming.headers, body };
      const named = this.nameOf(request);
      const handle = (kept = body) => this.handle({ ...request, body: kept, name: named });
      const { fault } = this;
      if (fault) this.hit += 1;
      if (fault === 'keeps half of what it took' && request.method === 'PUT') this.hurt = true;
      const answer = fault ? await STORE_FAULTS[fault](handle, { ...request, name: named, store: this }) : handle();
      if (answer.gone) return outgoing.destroy();
      outgoing.writeHead(answer.status ?? 200, {
        'content-type': 'application/octet-stream',
        ...(answer.etag ? { etag: answer.etag, 'last-modified': new Date().toUTCString() } : {}),
        'content-length': answer.body?.length ?? 0,
      });
      return outgoing.end(answer.body);
    });
    this.url = url;
    return this;
  }

  put(name, body) {
    if (this.values.has(name)) this.before.set(name, this.values.get(name));
    this.values.set(name, body);
  }

  /** As a place to read from, for the watch. */
  get place() {
    return { name: this.name, kind: 'store', isThere: () => !this.fault && !this.hurt, get: async (file) => this.values.get(file) };
  }
}

class Kv extends Store {
  nameOf({ path }) {
    return path.slice(API.length);
  }

  handle({ method, name, body }) {
    if (method === 'PUT') {
      this.put(name, body);
      return { body: Buffer.from('{"success":true}') };
    }
    return this.values.has(name) ? { body: this.values.get(name) } : { status: 404 };
  }

  get target() {
    return `kv:account/namespace,api=${this.url},every=500ms`;
  }
}

const etagOf = (body) => `"${createHash('sha256').update(body).digest('hex').slice(0, 32)}"`;

class Bucket extends Store {
  nameOf({ path }) {
    return path.replace(/^\/lists\/edge\//, '');
  }

  handle({ method, name, headers, body }) {
    const held = this.values.get(name);
    if (method === 'PUT') {
      const mayCreate = headers['if-none-match'] !== '*' || held === undefined;
      const mayReplace = headers['if-match'] === undefined || (held !== undefined && headers['if-match'] === etagOf(held));
      if (!mayCreate || !mayReplace) return { status: 412 };
      this.put(name, body);
      return { etag: etagOf(body) };
    }
    return held === undefined ? { status: 404 } : { body: held, etag: etagOf(held) };
  }

  get target() {
    return `s3://lists/edge,endpoint=${this.url},region=auto,every=500ms`;
  }
}

export const startStores = () => Promise.all([new Kv('kv').listen(), new Bucket('bucket').listen()]);

/** Where webhooks go. */
export async function startReceiver() {
  const receiver = { received: 0, fault: null, hit: 0 };
  const { url } = await listen(async (incoming, outgoing) => {
    await all(incoming);
    const { fault } = receiver;
    if (!fault) {
      receiver.received += 1;
      return outgoing.end();
    }
    receiver.hit += 1;
    if (fault === 'hangs') {
      await pause(HELD_MS);
      return outgoing.destroy();
    }
    if (fault === 'fails') {
      outgoing.statusCode = 500;
      return outgoing.end();
    }
    // An answer without an end.
    outgoing.writeHead(200);
    const more = () => {
      while (!outgoing.destroyed && outgoing.write(Buffer.alloc(64 << 10)));
    };
    outgoing.on('drain', more);
    more();
    await pause(HELD_MS);
    return outgoing.destroy();
  });
  return Object.assign(receiver, { url });
}
