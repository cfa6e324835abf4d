// Keys: `/v1/keys…`.

import { Pages } from './issuer-pages.js';

const PATH = ['v1', 'keys'];
const SECRET = /^(?:[a-z0-9]+_)?sk_/;
const IDS_AT_ONCE = 200;
const DONE_ALREADY = new Set(['already_revoked', 'revocation_not_earlier']);
// What an act answers of which an earlier attempt's answer was lost.
const LOST = Object.freeze({
  published: false,
  note: 'the change is committed, by an earlier attempt whose answer was lost; verifiers learn of it with the next list',
});

export class Keys {
  #transport;

  constructor(transport) {
    this.#transport = transport;
  }

  // Under a name of its own each time, so that a create that is sent again makes no second key.
  create(body, { idempotencyKey = crypto.randomUUID(), ...options } = {}) {
    const headers = { 'idempotency-key': idempotencyKey };
    return this.#send({ method: 'POST', path: PATH, body, headers, again: true }, options);
  }

  list(filter = {}, options = {}) {
    // Addresses are written to logs.
    if (SECRET.test(filter.token ?? '')) throw new TypeError('list: `token` is that of a publishable key');
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

  // As a PATCH, which sets what it says: twice is once.
  update(id, body, options) {
    return this.#send({ method: 'PATCH', path: [...PATH, id], body, again: true }, options);
  }

  upsert(bodies, options) {
    const all = Array.isArray(bodies) ? bodies : [bodies];
    const again = all.every((body) => body?.id !== undefined);
    return this.#send({ method: 'PUT', path: PATH, body: all, again }, options);
  }

  async revoke(id, { wait, ...body } = {}, options) {
    const act = { method: 'POST', path: [...PATH, id, 'revoke'], query: { wait }, body, again: true };
    try {
      return await this.#send({ ...act, ...longer(wait) }, options);
    } catch (error) {
      if (!error.maybeDone || !DONE_ALREADY.has(error.code)) throw error;
      // The answer to an earlier attempt was lost, and what it asked for is so.
      return { ...(await this.get(id, options)), ...LOST };
    }
  }

  async revokeMany({ wait, ...body }, options) {
    // Chosen by what they are like, those that are revoked by then are no longer chosen.
    const act = {
      method: 'POST',
      path: [...PATH, 'revoke'],
      query: { wait },
      body,
      again: body.ids !== undefined,
    };
    try {
      return await this.#send({ ...act, ...longer(wait) }, options);
    } catch (error) {
      if (!act.again || !error.maybeDone || !DONE_ALREADY.has(error.code)) throw error;
      const keys = await this.#all(body.ids, options);
      // All of them, as an attempt does, or none.
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

  roll(id, body = {}, options) {
    return this.#send({ method: 'POST', path: [...PATH, id, 'roll'], body }, options);
  }

  changeSalesChannels(id, body, options) {
    return this.#send(
      { method: 'POST', path: [...PATH, id, 'sales-channels'], body, again: true },
      options,
    );
  }

  delete(id, options) {
    return this.#remove([id], { method: 'DELETE', path: [...PATH, id] }, options);
  }

  deleteMany(ids, options) {
    return this.#remove(ids, { method: 'POST', path: [...PATH, 'delete'], body: { ids } }, options);
  }

  undo(id, options) {
    return this.#remove([id], { method: 'POST', path: [...PATH, id, 'undo'] }, options);
  }

  undoMany(ids, options) {
    return this.#remove(ids, { method: 'POST', path: [...PATH, 'undo'], body: { ids } }, options);
  }

  authenticate(token, { kind, environment, ...options } = {}) {
    const body = { token, kind, environment };
    return this.#send({ method: 'POST', path: [...PATH, 'authenticate'], body, again: true }, options);
  }

  // Lines that an earlier import made are told of as such, so a file can be sent again.
  async import(text, { type = 'application/x-ndjson', ...options } = {}) {
    const act = { method: 'POST', path: [...PATH, 'import'], text, type, again: true, lines: true };
    const lines = await this.#send(act, options);
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
      // An earlier attempt may have taken them away: all of them, as it does, or none.
      const maybe = error.maybeDone && error.code === 'not_found';
      if (!maybe || (await this.#all(ids, options)).length > 0) throw error;
      const which = act.body === undefined ? { id: ids[0] } : { ids };
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
    return (await this.#transport.send(act, options)).body;
  }
}

// What waits for the targets to carry the list takes so much longer.
export function longer(wait) {
  return wait === undefined ? {} : { longer: wait * 1000 };
}
