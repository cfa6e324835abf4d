// Keys: `/v1/keys…`.

import { longer, readCall, readCreate, readEnd, readImport, readVerify, waiting } from './call-options.js';
import { Pages } from './pages.js';
import { own, property } from '../shared/property.js';
import { wrappable } from '../shared/wrappable.js';

const PATH = ['v1', 'keys'];
const SECRET = /^(?:[a-z0-9]+_)?[sa]k_/;
const IDS_AT_ONCE = 200;
const DONE_ALREADY = new Set(['already_revoked', 'revocation_not_earlier']);
// Added to the answer if an earlier attempt did the work but its answer was lost.
const LOST = Object.freeze({
  published: false,
  note: 'the change is committed, by an earlier attempt whose answer was lost; verifiers learn of it with the next list',
});

export const Keys = wrappable(class Keys {
  #transport;

  constructor(transport) {
    this.#transport = transport;
  }

  // Each create has its own idempotency key, so that a retry makes no second key.
  async create(body, options) {
    const { idempotencyKey = crypto.randomUUID(), signal } = readCreate(options);
    const headers = { 'idempotency-key': idempotencyKey };
    return this.#send({ method: 'POST', path: PATH, body, headers, again: true }, { signal });
  }

  list(filter = {}, options) {
    readCall(options);
    // Addresses end up in logs, so a secret key must not be in one.
    if (SECRET.test(property(filter, 'token') ?? '')) throw new TypeError('list: `token` is that of a publishable key');
    const read = async (query) => {
      const page = await this.#send({ method: 'GET', path: PATH, query, again: true }, options);
      const next = page.next_cursor == null ? null : { ...query, cursor: page.next_cursor };
      return { items: page.keys, next, count: page.count ?? null };
    };
    return new Pages(read, filter);
  }

  get(id, options) {
    return this.#send({ method: 'GET', path: [...PATH, id], again: true }, options);
  }

  // A PATCH sets values, so a retry changes nothing.
  update(id, body, options) {
    return this.#send({ method: 'PATCH', path: [...PATH, id], body, again: true }, options);
  }

  upsert(bodies, options) {
    const all = Array.isArray(bodies) ? bodies : [bodies];
    const again = all.every((body) => property(body, 'id') !== undefined);
    return this.#send({ method: 'PUT', path: PATH, body: all, again }, options);
  }

  async revoke(id, given, options) {
    const { wait, body } = waiting('keys.revoke', given);
    const act = { method: 'POST', path: [...PATH, id, 'revoke'], query: { wait }, body, again: true };
    try {
      return await this.#send({ ...act, ...longer(wait) }, options);
    } catch (error) {
      if (!error.maybeDone || !DONE_ALREADY.has(error.code)) throw error;
      // An earlier attempt revoked the key, but its answer was lost.
      return { ...(await this.get(id, options)), ...LOST };
    }
  }

  async revokeMany(given, options) {
    const { wait, body } = waiting('keys.revokeMany', given);
    // A retry with ids is safe. With a filter it isn't: keys that the first attempt revoked no
    // longer match.
    const act = {
      method: 'POST',
      path: [...PATH, 'revoke'],
      query: { wait },
      body,
      again: Object.hasOwn(body, 'ids'),
    };
    try {
      return await this.#send({ ...act, ...longer(wait) }, options);
    } catch (error) {
      if (!act.again || !error.maybeDone || !DONE_ALREADY.has(error.code)) throw error;
      const keys = await this.#all(body.ids, options);
      // An attempt revokes all keys or none. If one is not revoked, the earlier attempt failed.
      if (keys.some((key) => key.revoked_at === null)) throw error;
      return { count: keys.length, keys, ...LOST };
    }
  }

  suspend(id, body = {}, options) {
    return this.#turn(id, 'suspend', 'suspended', body, options);
  }

  resume(id, body = {}, options) {
    return this.#turn(id, 'resume', 'not_suspended', body, options);
  }

  // Like create: with an idempotency key, so that a retry makes no second successor.
  async roll(id, body = {}, options) {
    const { idempotencyKey = crypto.randomUUID(), signal } = readCreate(options);
    const headers = { 'idempotency-key': idempotencyKey };
    return this.#send({ method: 'POST', path: [...PATH, id, 'roll'], body, headers, again: true }, { signal });
  }

  changeSalesChannels(id, body, options) {
    return this.#send(
      { method: 'POST', path: [...PATH, id, 'sales-channels'], body, again: true },
      options,
    );
  }

  delete(id, options) {
    const { reason, signal } = readEnd(options);
    return this.#remove([id], { method: 'DELETE', path: [...PATH, id], query: { reason } }, { signal });
  }

  deleteMany(ids, options) {
    const { reason, signal } = readEnd(options);
    const body = own({ ids, reason });
    return this.#remove(ids, { method: 'POST', path: [...PATH, 'delete'], body }, { signal });
  }

  undo(id, options) {
    const { reason, signal } = readEnd(options);
    const body = own({ reason });
    return this.#remove([id], { method: 'POST', path: [...PATH, id, 'undo'], body }, { signal });
  }

  undoMany(ids, options) {
    const { reason, signal } = readEnd(options);
    const body = own({ ids, reason });
    return this.#remove(ids, { method: 'POST', path: [...PATH, 'undo'], body }, { signal });
  }

  async authenticate(token, options) {
    const { kind, environment, signal } = readVerify(options);
    const body = own({ token, kind, environment });
    return this.#send({ method: 'POST', path: [...PATH, 'authenticate'], body, again: true }, { signal });
  }

  // The issuer reports lines that an earlier import already made, so a file can be sent again.
  async import(text, options) {
    const { type = 'application/x-ndjson', signal } = readImport(options);
    const act = { method: 'POST', path: [...PATH, 'import'], text, type, again: true, lines: true };
    const lines = await this.#send(act, { signal });
    return lines
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  }

  async #turn(id, act, already, body, options) {
    try {
      return await this.#send({ method: 'POST', path: [...PATH, id, act], body, again: true }, options);
    } catch (error) {
      if (!error.maybeDone || error.code !== already) throw error;
      return { ...(await this.get(id, options)), ...LOST };
    }
  }

  async #remove(ids, act, options) {
    try {
      return await this.#send({ ...act, again: true }, options);
    } catch (error) {
      // An earlier attempt may have deleted the keys: all of them or none, as each attempt does.
      const maybe = error.maybeDone && error.code === 'not_found';
      if (!maybe || (await this.#all(ids, options)).length > 0) throw error;
      const which = Object.hasOwn(act.body ?? {}, 'ids') ? { ids } : { id: ids[0] };
      return { ...which, object: 'api_key', deleted: true, ...LOST };
    }
  }

  async #all(ids, options) {
    const found = [];
    for (let at = 0; at < ids.length; at += IDS_AT_ONCE) {
      const id = ids.slice(at, at + IDS_AT_ONCE);
      found.push(...(await this.list({ id, limit: IDS_AT_ONCE }, options).page()).items);
    }
    return found;
  }

  async #send(act, options) {
    return (await this.#transport.send(act, readCall(options))).body;
  }
});
