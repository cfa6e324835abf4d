// Calls that change keys, and keep the copy up to date: first the issuer, then the copy, then the
// answer to the caller. So a key that one process of the shop revoked is refused by a process that
// starts a moment later, whatever list that process has.

import { createHash, randomUUID } from 'node:crypto';

import { IssuerError } from '../issuer/error.js';
import { isAway } from './issuer-away.js';
import { unexpected } from './error.js';

export class KeyChanges {
  #connection;
  #copy;
  // Creates whose answer was lost, by request, while there is no copy to keep them in.
  #unanswered = new Map();

  constructor(connection, copy) {
    this.#connection = connection;
    this.#copy = copy;
  }

  // If the answer to a create was lost and the same keys are requested again, the create is
  // repeated under its idempotency key. So no key is made twice, and none is left whose text was
  // never returned.
  async create(bodies) {
    const request = createHash('sha256').update(JSON.stringify(bodies)).digest('hex');
    const idempotencyKey = (await this.#takeUnanswered(request)) ?? randomUUID();
    let made;
    try {
      made = await this.#connection.change((issuer) => issuer.keys.create(bodies, { idempotencyKey }));
    } catch (error) {
      if (error instanceof IssuerError && error.maybeDone) await this.#putUnanswered(request, idempotencyKey);
      throw error;
    }
    await this.#copy.put(made.map(({ key }) => key));
    return made;
  }

  async upsert(bodies) {
    const isNew = ({ id }) => id === undefined;
    if (bodies.every(isNew)) return { created: await this.create(bodies), updated: [] };
    let answer;
    try {
      answer = await this.#connection.change((issuer) => issuer.keys.upsert(bodies));
    } catch (error) {
      // The issuer supports no idempotency key for creates and changes in one request.
      if (!error.maybeDone || !bodies.some(isNew)) throw error;
      throw unexpected('the issuer gave no answer, so it is not known whether this was done; look at the list of keys before you try again', error);
    }
    await this.#copy.put([...answer.created.map(({ key }) => key), ...answer.updated]);
    return answer;
  }

  async revokeMany(body) {
    const answer = await this.#end((issuer) => issuer.keys.revokeMany(body));
    await this.#copy.put(answer.keys);
    return answer;
  }

  async suspend(id, body) {
    const record = await this.#end((issuer) => issuer.keys.suspend(id, body));
    await this.#copy.put([record]);
    return record;
  }

  async resume(id, body) {
    const record = await this.#connection.change((issuer) => issuer.keys.resume(id, body));
    await this.#copy.put([record]);
    return record;
  }

  deleteMany(ids, options) {
    return this.#remove(ids, (issuer) => issuer.keys.deleteMany(ids, options));
  }

  undoMany(ids, options) {
    return this.#remove(ids, (issuer) => issuer.keys.undoMany(ids, options));
  }

  async #remove(ids, call) {
    const answer = await this.#end(call);
    await this.#copy.putDeleted(ids);
    return answer;
  }

  // A key whose text was lost may be among those that end, so later creates must not repeat its
  // request.
  async #end(call) {
    const answer = await this.#connection.change(call);
    this.#unanswered.clear();
    await this.#copy.forgetUnanswered();
    return answer;
  }

  async #takeUnanswered(request) {
    if (await this.#copy.exists()) return this.#copy.takeUnanswered(request);
    const held = this.#unanswered.get(request)?.pop();
    return held;
  }

  async #putUnanswered(request, idempotencyKey) {
    if (await this.#copy.exists()) return this.#copy.putUnanswered(request, idempotencyKey);
    const held = this.#unanswered.get(request) ?? [];
    this.#unanswered.set(request, [...held, idempotencyKey]);
    return undefined;
  }
}

// Calls `call` with each of `records` in order. If it fails midway, the error says how far it came.
export async function each(records, call) {
  const done = [];
  for (const record of records) {
    try {
      done.push(await call(record));
    } catch (error) {
      if (done.length === 0 || !isAway(error)) throw error;
      throw unexpected(`the issuer can't be reached any more; ${done.length} of ${records.length} keys were changed; try again for the rest`, error);
    }
  }
  return done;
}
