// The service: Medusa's interface of its API Key Module, over the issuer.

import { Modules } from '@medusajs/framework/utils';
import { createVerifier, httpSource } from 'portcullis';

import { createIssuer } from './issuer.js';
import { invalid, notAllowed, notFound, throughMedusa } from './medusa-error.js';
import { isSoftDeleted, select, SOFT_DELETE, toMedusa } from './medusa-key.js';
import { Judge } from './medusa-judge.js';
import { Lister } from './medusa-list.js';
import { NOBODY } from './medusa-names.js';
import { settings } from './medusa-options.js';
import { own } from './property.js';

const TYPES = new Set(['secret', 'publishable']);
// What the list and the text of a publishable key tell of it.
const OF_ITS_TEXT = new Set(['id', 'token', 'type', 'revoked_at', 'deleted_at']);
// What no act changes.
const UNCHANGING = new Set(['id', 'type', 'redacted', 'created_by', 'created_at']);

// Medusa asks nobody why. An issuer whose settings ask for a reason is told what was done there, and in
// whose name: else a shop could not revoke a key that leaked.
const REVOKED = 'revoked in Medusa';
const DELETED = 'deleted in Medusa';

export class ApiKeyModuleService {
  #issuer;
  #judge;
  #lister;
  #options;
  #events;

  constructor(container, options) {
    this.#options = settings(options);
    const { url, root, secrets, environment, owner } = this.#options;
    this.#issuer = createIssuer(this.#options.client);
    const verifier =
      this.#options.authenticate === 'list'
        ? createVerifier({ root, secrets, source: httpSource(url) })
        : undefined;
    const inScope = (key) =>
      key.environment === environment &&
      (owner === undefined || key.owner === owner) &&
      (key.purpose === undefined || key.purpose === 'token');
    const logger = resolved(container, 'logger');
    this.#judge = new Judge({ issuer: this.#issuer, verifier, options: this.#options, inScope, logger });
    this.#lister = new Lister(this.#issuer, { environment, owner, purpose: 'token' });
    this.#events = () => resolved(container, Modules.EVENT_BUS);
    this.__hooks = {
      onApplicationStart: async () => this.#judge.start(),
      onApplicationShutdown: async () => this.#judge.stop(),
    };
  }

  createApiKeys(data, sharedContext) {
    return throughMedusa(async () => {
      const all = listOf(data);
      if (all.length === 0) return [];
      const made = await this.#issuer.keys.create(all.map((key) => this.#newKey(key)));
      await this.#emit(
        'created',
        made.map(({ key }) => key),
        sharedContext,
      );
      const rows = made.map(({ key, token }) => toMedusa(key, token));
      return Array.isArray(data) ? rows : rows[0];
    });
  }

  upsertApiKeys(data, sharedContext) {
    return throughMedusa(async () => {
      const all = listOf(data);
      if (all.length === 0) return [];
      await this.#mustKnow(all.map((key) => own(key).id).filter(Boolean));
      const bodies = all.map((key) => (own(key).id ? titleOf(key) : this.#newKey(key)));
      const { created, updated } = await this.#issuer.keys.upsert(bodies);
      for (const record of updated) this.#judge.changed(record);
      await this.#emit(
        'created',
        created.map(({ key }) => key),
        sharedContext,
      );
      await this.#emit('updated', updated, sharedContext);
      const rows = [
        ...created.map(({ key, token }) => toMedusa(key, token)),
        ...updated.map((key) => toMedusa(key)),
      ];
      return Array.isArray(data) ? rows : rows[0];
    });
  }

  updateApiKeys(idOrSelector, data, sharedContext) {
    return throughMedusa(async () => {
      const ids = await this.#selected(idOrSelector);
      if (ids.length === 0) return [];
      await this.#mustKnow(ids);
      const { updated } = await this.#issuer.keys.upsert(ids.map((id) => titleOf({ ...data, id })));
      for (const record of updated) this.#judge.changed(record);
      await this.#emit('updated', updated, sharedContext);
      const rows = updated.map((key) => toMedusa(key));
      return typeof idOrSelector === 'string' ? rows[0] : rows;
    });
  }

  retrieveApiKey(id, given) {
    return throughMedusa(async () => {
      const config = own(given);
      if (id === undefined || id === null || id === '') throw notFound('apiKey - id must be defined');
      const { records } = await this.#lister.list({ id: String(id) }, { withDeleted: config.withDeleted });
      if (records.length === 0) throw notFound(`ApiKey with id: ${id} was not found`);
      return select(toMedusa(records[0]), config.select);
    });
  }

  listApiKeys(filters, given) {
    return throughMedusa(async () => {
      const config = own(given);
      const near = await this.#nearby(filters ?? {}, config);
      if (near !== undefined) return near;
      const { records } = await this.#lister.list(filters ?? {}, config);
      return records.map((record) => select(toMedusa(record), config.select));
    });
  }

  listAndCountApiKeys(filters, given) {
    return throughMedusa(async () => {
      const config = own(given);
      const { records, count } = await this.#lister.list(filters ?? {}, config, true);
      return [records.map((record) => select(toMedusa(record), config.select)), count];
    });
  }

  revoke(idOrSelector, data, sharedContext) {
    return throughMedusa(async () => {
      const ids = await this.#selected(idOrSelector);
      if (ids.length === 0) return [];
      const { revoked_by, revoke_in } = own(data);
      if (!revoked_by) throw invalid('You must provide a revoked_by field when revoking a key.');
      await this.#mustKnow(ids);
      const { keys } = await this.#issuer.keys.revokeMany({
        ids,
        ...later(revoke_in),
        revoked_by,
        reason: REVOKED,
      });
      for (const record of keys) this.#judge.changed(record);
      await this.#emit('updated', keys, sharedContext);
      const rows = keys.map((key) => toMedusa(key));
      return typeof idOrSelector === 'string' ? rows[0] : rows;
    });
  }

  // Keys that are revoked, and those that were made a moment ago: what a workflow takes back.
  deleteApiKeys(ids, sharedContext) {
    return throughMedusa(async () => {
      const records = await this.#recordsOf(listOf(ids));
      const isRevoked = ({ state }) => state === 'revoked';
      const isYoung = ({ issued_at }) => Date.now() - Date.parse(issued_at) < this.#options.undoWithin;
      const kept = records.filter((record) => !isRevoked(record) && !isYoung(record));
      if (kept.length > 0) {
        throw notAllowed(
          `Cannot delete api keys that are not revoked - ${kept.map(({ id }) => id).join(', ')}`,
        );
      }
      await this.#remove(records, records.every(isRevoked) ? 'deleteMany' : 'undoMany', sharedContext);
    });
  }

  // Takes back the making of keys, however old they are: revokes and deletes them in one act.
  undoCreateApiKeys(ids, sharedContext) {
    return throughMedusa(async () =>
      this.#remove(await this.#recordsOf(listOf(ids)), 'undoMany', sharedContext),
    );
  }

  softDeleteApiKeys(ids, config, sharedContext) {
    return throughMedusa(async () => {
      const records = await this.#recordsOf(listOf(ids));
      for (const { id, state } of records) {
        // A suspension of somebody else's would be lifted by a restore.
        if (state === 'suspended') throw notAllowed(`Cannot delete api keys that are suspended - ${id}`);
      }
      const [counting, over] = [
        records.filter(({ state }) => state === 'active' || state === 'scheduled'),
        [],
      ];
      for (const { id } of counting) over.push(await this.#issuer.keys.suspend(id, { by: SOFT_DELETE, reason: DELETED }));
      for (const record of over) this.#judge.deleted(record.id);
      await this.#emit('deleted', over, sharedContext);
      const dead = records.filter((record) => !counting.includes(record));
      await this.#remove(dead, 'undoMany', sharedContext);
      return linkable(records, config);
    });
  }

  restoreApiKeys(ids, config, sharedContext) {
    return throughMedusa(async () => {
      const records = (await this.#recordsOf(listOf(ids), { withDeleted: true })).filter(isSoftDeleted);
      const restored = [];
      for (const { id } of records) restored.push(await this.#issuer.keys.resume(id, { by: SOFT_DELETE }));
      for (const record of restored) this.#judge.restored(record);
      await this.#emit('restored', restored, sharedContext);
      return linkable(records, config);
    });
  }

  authenticate(token) {
    return throughMedusa(async () => {
      const record = await this.#judge.secret(token);
      return record === null ? false : toMedusa(record, '');
    });
  }

  #newKey(data) {
    const { title, type, created_by, expires_at, metadata } = own(data);
    if (!TYPES.has(type)) throw invalid(`An API key's type is secret or publishable, not "${type}"`);
    const { environment, owner, algorithm } = this.#options;
    return {
      title,
      kind: type,
      environment,
      ...(owner === undefined ? {} : { owner }),
      ...(type === 'secret' && algorithm !== undefined ? { algorithm } : {}),
      ...(metadata === undefined ? {} : { metadata }),
      ...(expires_at == null ? {} : { expires_at: instant(expires_at) }),
      // Medusa itself makes a key in nobody's name.
      created_by: created_by || NOBODY,
    };
  }

  // The rows of the two lookups that requests themselves cause, where they can be had without a
  // network call.
  async #nearby(filters, { select: names, withDeleted = false }) {
    const given = Object.entries(filters).filter(([, value]) => value !== undefined);
    const single = ([name, value]) => [name, Array.isArray(value) && value.length === 1 ? value[0] : value];
    const { id, token, type, ...others } = own(Object.fromEntries(given.map(single)));
    if (names === undefined || names === null || Object.keys(others).length > 0) return undefined;
    // Who made the key that a request came in with, deleted since or not.
    if (typeof id === 'string' && withDeleted && token === undefined && type === undefined) {
      const record = names.every((name) => UNCHANGING.has(name)) ? this.#judge.records.peek(id) : undefined;
      return record === undefined ? undefined : [select(toMedusa(record), names)];
    }
    // Whether a publishable key counts.
    const alone =
      id === undefined && typeof token === 'string' && (type ?? 'publishable') === 'publishable';
    if (!alone || !names.every((name) => OF_ITS_TEXT.has(name))) return undefined;
    const record = await this.#judge.publishable(token);
    if (record === undefined) return undefined;
    return record === null ? [] : [select(toMedusa(record, token), names)];
  }

  async #selected(idOrSelector) {
    if (typeof idOrSelector === 'string') return [idOrSelector];
    if (typeof idOrSelector !== 'object' || idOrSelector === null || Array.isArray(idOrSelector)) return [];
    const wanted = Object.values(idOrSelector).filter((value) => value !== undefined);
    if (wanted.length === 0) {
      throw invalid(
        'You must provide an api key id field, or what the keys are to be like: nothing never means every key',
      );
    }
    const { records } = await this.#lister.list(idOrSelector, {});
    return records.map(({ id }) => id);
  }

  async #recordsOf(ids, config = {}) {
    const { records } = await this.#lister.list({ id: ids }, own(config));
    return records;
  }

  // The issuer knows keys that are none of this shop's.
  async #mustKnow(ids) {
    const known = new Set((await this.#recordsOf(ids)).map(({ id }) => id));
    const unknown = ids.filter((id) => !known.has(id));
    if (unknown.length > 0) throw notFound(`ApiKey with id "${unknown.join(', ')}" not found`);
  }

  async #remove(records, act, sharedContext) {
    if (records.length === 0) return;
    const ids = records.map(({ id }) => id);
    await this.#issuer.keys[act](ids, { reason: DELETED });
    for (const id of ids) this.#judge.deleted(id);
    await this.#emit('deleted', records, sharedContext);
  }

  // The events that Medusa's own module tells of its rows, by which caches are invalidated.
  async #emit(action, records, sharedContext) {
    const bus = this.#events();
    if (bus === undefined || records.length === 0) return;
    const group = sharedContext?.eventGroupId;
    const source = { source: Modules.API_KEY, object: 'api_key', action };
    const message = ({ id }) => ({
      name: `${Modules.API_KEY}.api-key.${action}`,
      metadata: group === undefined ? source : { ...source, eventGroupId: group },
      data: { id },
    });
    await bus.emit(records.map(message), { internal: true });
  }
}

const listOf = (value) => (Array.isArray(value) ? value : value === undefined ? [] : [value]);

// Nothing, and what is before now, means now.
function later(seconds) {
  if (!(seconds > 0)) return {};
  if (!Number.isSafeInteger(Math.floor(seconds))) throw invalid('revoke_in is a number of seconds');
  return { in_seconds: Math.floor(seconds) };
}

function instant(date) {
  const at = new Date(date);
  if (Number.isNaN(at.getTime())) throw invalid('expires_at is a date');
  return at.toISOString();
}

function titleOf(data) {
  const { id, title } = own(data);
  return title === undefined ? { id } : { id, title };
}

// What a deletion of links that cascades goes on with.
function linkable(records, config) {
  const keys = own(config).returnLinkableKeys;
  const ids = records.map(({ id }) => id);
  if (keys === undefined) return { api_key_id: ids, publishable_key_id: ids };
  return Object.fromEntries(listOf(keys).map((key) => [key, ids]));
}

// A container throws where it is asked for what it does not have.
function resolved(container, name) {
  return Object.keys(container ?? {}).includes(name) ? (container[name] ?? undefined) : undefined;
}
