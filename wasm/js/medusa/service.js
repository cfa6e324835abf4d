// The service: implements the interface of Medusa's API Key Module on top of the issuer.

import { Modules } from '@medusajs/framework/utils';

import { each } from './changes.js';
import { resolved } from './database.js';
import { isOfMedusa } from './fallback.js';
import { filtersOf, requireCriteria } from './filter.js';
import { invalid, notAllowed, notFound, withMedusaErrors } from './error.js';
import { isEnded, isSoftDeleted, select, SOFT_DELETE, toValidityRow, toMedusa } from './row.js';
import {
  requireKnown, instant, validityLookup, revocationTime, listOf, requireNotRevoked, throwing, singled, titleOf,
} from './arguments.js';
import { UNLABELLED } from './labels.js';
import { UNNAMED } from './user-names.js';
import { missingOptions, settings } from './options.js';
import { assemble } from './assemble.js';
import { own } from '../shared/property.js';
import { wrappable } from '../shared/wrappable.js';

const TYPES = new Set(['secret', 'publishable']);
// Fields that no call changes.
const UNCHANGING = new Set(['id', 'type', 'redacted', 'created_by', 'created_at']);

// Medusa asks its users for no reason. An issuer whose settings require one gets these, because a
// shop must be able to revoke a key that leaked.
const REVOKED = 'revoked in Medusa';
const DELETED = 'deleted in Medusa';

export const ApiKeyModuleService = wrappable(class ApiKeyModuleService {
  #issuer;
  #keyVerifier;
  #lister;
  #options;
  #events;
  #fallback;
  #hooks;

  constructor(container, options) {
    const logger = resolved(container, 'logger');
    const missing = missingOptions(options);
    if (missing !== undefined) {
      this.#hooks = { onApplicationStart: async () => logger?.warn?.(missing.message), onApplicationShutdown: async () => {} };
      this.#options = this.#issuer = this.#keyVerifier = this.#lister = throwing(missing);
      return;
    }
    this.#options = settings(options);
    const { changes, keyVerifier, lister, fallback, start, stop } = assemble(container, options, this.#options);
    this.#issuer = { keys: changes };
    this.#keyVerifier = keyVerifier;
    this.#lister = lister;
    this.#fallback = fallback;
    this.#events = () => resolved(container, Modules.EVENT_BUS);
    this.#hooks = {
      onApplicationStart: async () => start(),
      onApplicationShutdown: stop,
    };
  }

  get __hooks() {
    return this.#hooks;
  }

  createApiKeys(data, sharedContext) {
    return withMedusaErrors(async () => {
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
    return withMedusaErrors(async () => {
      const all = listOf(data);
      if (all.length === 0) return [];
      await this.#mustKnow(all.map((key) => own(key).id).filter(Boolean));
      const bodies = all.map((key) => (own(key).id ? titleOf(key) : this.#newKey(key)));
      const { created, updated } = await this.#issuer.keys.upsert(bodies);
      for (const record of updated) this.#keyVerifier.changed(record);
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
    return withMedusaErrors(async () => {
      const ids = await this.#selected(idOrSelector);
      if (ids.length === 0) return [];
      await this.#mustKnow(ids);
      const { updated } = await this.#issuer.keys.upsert(ids.map((id) => titleOf({ ...data, id })));
      for (const record of updated) this.#keyVerifier.changed(record);
      await this.#emit('updated', updated, sharedContext);
      const rows = updated.map((key) => toMedusa(key));
      return typeof idOrSelector === 'string' ? rows[0] : rows;
    });
  }

  retrieveApiKey(id, given) {
    return withMedusaErrors(async () => {
      const config = own(given);
      if (id === undefined || id === null || id === '') throw notFound('apiKey - id must be defined');
      const { records } = await this.#lister.list({ id: String(id) }, { withDeleted: config.withDeleted });
      if (records.length === 0) {
        const [old] = (await this.#fallback?.rows([String(id)], config)) ?? [];
        if (old !== undefined) return select(old, config.select);
        throw notFound(`ApiKey with id: ${id} was not found`);
      }
      return select(toMedusa(records[0]), config.select);
    });
  }

  listApiKeys(filters, given) {
    return withMedusaErrors(async () => (await this.#listed(filters, given, false)).rows);
  }

  listAndCountApiKeys(filters, given) {
    return withMedusaErrors(async () => {
      const { rows, count } = await this.#listed(filters, given, true);
      return [rows, count];
    });
  }

  revoke(idOrSelector, data, sharedContext) {
    return withMedusaErrors(async () => {
      const split = await this.#fallback?.split(idOrSelector);
      if (split?.old.length > 0) return this.#revokeOld(split, idOrSelector, data, sharedContext);
      const ids = await this.#selected(idOrSelector);
      if (ids.length === 0) return [];
      const { revoked_by, revoke_in } = own(data);
      if (ids.includes('')) throw invalid('You must provide an api key id field when revoking a key.');
      if (!revoked_by) throw invalid('You must provide a revoked_by field when revoking a key.');
      const records = await this.#recordsOf(ids);
      requireNotRevoked(records);
      requireKnown(ids, records);
      const { keys } = await this.#issuer.keys.revokeMany({
        ids,
        ...revocationTime(revoke_in),
        revoked_by,
        reason: REVOKED,
      });
      for (const record of keys) this.#keyVerifier.changed(record);
      await this.#fallback?.changed(keys);
      await this.#emit('updated', keys, sharedContext);
      const rows = keys.map((key) => toMedusa(key));
      return typeof idOrSelector === 'string' ? rows[0] : rows;
    });
  }

  // Deletes keys that Medusa sees as revoked, and keys that were made a moment ago, which a
  // workflow takes back.
  deleteApiKeys(ids, sharedContext) {
    return withMedusaErrors(async () => {
      const found = await this.#recordsOf(ids, { withDeleted: true });
      const records = found.filter((record) => !isSoftDeleted(record));
      const isRevoked = ({ state }) => state === 'revoked';
      const now = Date.now();
      const isYoung = ({ issued_at }) => now - Date.parse(issued_at) < this.#options.undoWithin;
      const kept = records.filter((record) => !isEnded(record, now) && !isYoung(record));
      if (kept.length > 0) {
        throw notAllowed(
          `Cannot delete api keys that are not revoked - ${kept.map(({ id }) => id).join(', ')}`,
        );
      }
      await this.#remove(found, found.every(isRevoked) ? 'deleteMany' : 'undoMany', sharedContext);
      const { old = [] } = (await this.#fallback?.split({ id: listOf(ids) })) ?? {};
      if (old.length === 0) return;
      await this.#fallback.remove(old);
      await this.#emit('deleted', old, sharedContext);
    });
  }

  // Reverses the creation of keys, however old they are: revokes and deletes them in one call.
  undoCreateApiKeys(ids, sharedContext) {
    return withMedusaErrors(async () =>
      this.#remove(await this.#recordsOf(ids), 'undoMany', sharedContext),
    );
  }

  softDeleteApiKeys(ids, config, sharedContext) {
    return withMedusaErrors(async () => {
      const records = await this.#recordsOf(ids);
      for (const { id, state } of records) {
        // A later restore would lift this suspension, which the module did not make.
        if (state === 'suspended') throw notAllowed(`Cannot delete api keys that are suspended - ${id}`);
      }
      const counting = records.filter(({ state }) => state === 'active' || state === 'scheduled');
      const over = await each(counting, async ({ id }) => {
        const record = await this.#issuer.keys.suspend(id, { by: SOFT_DELETE, reason: DELETED });
        this.#keyVerifier.deleted(id);
        return record;
      });
      await this.#fallback?.changed(over);
      await this.#emit('deleted', over, sharedContext);
      const dead = records.filter((record) => !counting.includes(record));
      await this.#remove(dead, 'undoMany', sharedContext);
      return linkable(records, config);
    });
  }

  restoreApiKeys(ids, config, sharedContext) {
    return withMedusaErrors(async () => {
      const records = (await this.#recordsOf(ids, { withDeleted: true })).filter(isSoftDeleted);
      const restored = await each(records, async ({ id }) => {
        const record = await this.#issuer.keys.resume(id, { by: SOFT_DELETE });
        this.#keyVerifier.restored(record);
        return record;
      });
      await this.#fallback?.changed(restored);
      await this.#emit('restored', restored, sharedContext);
      return linkable(records, config);
    });
  }

  authenticate(token) {
    return withMedusaErrors(async () => {
      const isOld = this.#fallback !== undefined && isOfMedusa(token);
      const record = isOld ? null : await this.#keyVerifier.secret(token);
      if (record !== null) return toMedusa(record, '');
      return (await this.#fallback?.secret(token)) ?? false;
    });
  }

  // Whether the issuer can be reached, and how old the data is that is used without it.
  status() {
    return this.#lister.status();
  }

  #newKey(data) {
    const { title, type, created_by, expires_at, metadata } = own(data);
    requireNewKey(own(data));
    if (!TYPES.has(type)) throw invalid(`An API key's type is secret or publishable, not "${type}"`);
    const { environment, owner, algorithm } = this.#options;
    return {
      title,
      kind: type,
      environment,
      ...(type === 'secret' ? { label: UNLABELLED } : {}),
      ...(owner === undefined ? {} : { owner }),
      ...(type === 'secret' && algorithm !== undefined ? { algorithm } : {}),
      ...(metadata === undefined ? {} : { metadata }),
      ...(expires_at == null ? {} : { expires_at: instant(expires_at) }),
      // Medusa itself makes a key without a creator.
      created_by: created_by || UNNAMED,
    };
  }

  // Includes old keys if the lookup names them.
  async #listed(filters, given, counted) {
    const config = own(given);
    const ask = async (filters, config) => {
      const near = counted ? undefined : await this.#nearby(filters, config);
      if (near !== undefined) return { rows: near, count: null };
      const { records, count } = await this.#lister.list(filters, config, counted);
      const toRow = validityLookup(filters, config) === undefined ? toMedusa : toValidityRow;
      return { rows: records.map((record) => select(toRow(record), config.select)), count };
    };
    const wanted = filters ?? {};
    return (await this.#fallback?.listed(own(wanted), config, ask)) ?? ask(wanted, config);
  }

  async #revokeOld({ old, others }, idOrSelector, data, sharedContext) {
    const rows = await this.#fallback.revoke(old, own(data));
    await this.#emit('updated', rows, sharedContext);
    if (others.length > 0) rows.push(...(await this.revoke({ id: others }, data, sharedContext)));
    return typeof idOrSelector === 'string' ? rows[0] : rows;
  }

  // The rows of the two lookups that happen on every request, if they need no network call.
  async #nearby(filters, config) {
    const { select: names, withDeleted = false } = config;
    const { id, token, type, ...others } = singled(filters);
    if (names === undefined || names === null || Object.keys(others).length > 0) return undefined;
    // The creator of the request's key, even if the key was deleted since.
    if (typeof id === 'string' && withDeleted && token === undefined && type === undefined) {
      const record = names.every((name) => UNCHANGING.has(name)) ? this.#keyVerifier.records.peek(id) : undefined;
      return record === undefined ? undefined : [select(toMedusa(record), names)];
    }
    const text = validityLookup(filters, config);
    const record = text === undefined ? undefined : await this.#keyVerifier.publishable(text);
    if (record === undefined) return undefined;
    return record === null ? [] : [select(toValidityRow(record, text), names)];
  }

  async #selected(idOrSelector) {
    if (typeof idOrSelector === 'string') return [idOrSelector];
    if (typeof idOrSelector !== 'object' || idOrSelector === null || Array.isArray(idOrSelector)) return [];
    requireCriteria(idOrSelector);
    const { records } = await this.#lister.fromIssuer(idOrSelector, {});
    return records.map(({ id }) => id);
  }

  async #recordsOf(idsOrSelectors, config = {}) {
    const { records } = await this.#lister.fromIssuer(filtersOf(idsOrSelectors), own(config));
    return records;
  }

  // The issuer also has keys that don't belong to this shop.
  async #mustKnow(ids) {
    requireKnown(ids, await this.#recordsOf(ids));
  }

  async #remove(records, method, sharedContext) {
    if (records.length === 0) return;
    const ids = records.map(({ id }) => id);
    await this.#issuer.keys[method](ids, { reason: DELETED });
    for (const id of ids) this.#keyVerifier.deleted(id);
    await this.#fallback?.changed(records, { gone: true });
    await this.#emit('deleted', records, sharedContext);
  }

  // Emits the events that Medusa's own module emits for its rows. Medusa invalidates caches by
  // them.
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
});

// A field that can't be set on a new key, or only later, is refused instead of ignored.
function requireNewKey({ title, ...given }) {
  for (const name of ['id', 'token', 'revoked_at', 'revoked_by']) {
    if (given[name]) throw invalid(`A new API key can't be given its ${name}`);
  }
  if (typeof title !== 'string') throw invalid("An API key's title is a text");
}

// The ids with which Medusa continues a cascading deletion of links.
function linkable(records, config) {
  const ids = records.map(({ id }) => id);
  const linked = { api_key_id: ids, publishable_key_id: ids };
  const keys = own(config).returnLinkableKeys;
  if (keys === undefined) return linked;
  return Object.fromEntries(listOf(keys).filter((key) => Object.hasOwn(linked, key)).map((key) => [key, ids]));
}
