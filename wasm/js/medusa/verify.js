// Verifies the key of a request: against the list, or by the issuer's own records.

import { IssuerError } from '../issuer/error.js';
import { isAway } from './issuer-away.js';
import { isValid } from './row.js';
import { RecordCache } from './record-cache.js';

// The issuer does not vouch for this text, and no newer list changes that.
const NO_KEY = /^(?:malformed_|foreign_|unknown_kid$|signer_not_allowed$|bad_signature$|wrong_)/;
// The verifier can't decide about the key, but the issuer can.
const UNDECIDED = new Set([
  'secret_not_held',
  'not_covered',
  'list_missing',
  'list_past_next_update',
  'list_from_the_future',
  'keyring_expired',
  // Medusa passes only texts that begin with `sk_`. For these it means that a newer keyring may
  // list them.
  'foreign_label',
]);
const LONGEST_TOKEN = 512;
const LONGEST_PAUSE_MS = 30_000;

export class KeyVerifier {
  #connection;
  #copy;
  #listStore;
  #verifier;
  #options;
  #refreshing;
  #refreshedAt = -Infinity;
  #restoring;
  #timer;
  #failures = 0;
  #revoked = new Map();

  // `verifier` is undefined if every key is verified online. `listStore` stores the verifier's
  // keyring and list.
  constructor({ connection, copy, listStore, verifier, options, inScope, logger }) {
    this.#connection = connection;
    this.#copy = copy;
    this.#listStore = listStore;
    this.#verifier = verifier;
    this.#options = { ...options, inScope, logger };
    this.records = new RecordCache((id) => this.#record(id), options.recordsFor);
  }

  // The key's record, or a record made from its text if the issuer can't be reached; null if the
  // key is refused.
  async secret(token) {
    if (typeof token !== 'string' || token === '' || token.length > LONGEST_TOKEN) return null;
    const verdict = await this.#verdict(token, 'secret');
    if (verdict === undefined || UNDECIDED.has(verdict.code)) return this.#askIssuer(token);
    if (!verdict.ok || this.#isRevokedHere(verdict)) return null;
    const record = await this.records.get(verdict.key.name);
    if (record === undefined) return this.#options.inScope(verdict.key) ? fromText(verdict.key) : null;
    return record !== null && isValid(record) && this.#options.inScope(record) ? record : null;
  }

  // The same for a publishable key, without a network call: its `id` and the instant from which it
  // is refused, as far as known. Null if the text is no valid key, undefined if the issuer has to
  // be asked.
  async publishable(token) {
    if (token === '' || token.length > LONGEST_TOKEN) return null;
    const verdict = await this.#verdict(token, 'publishable');
    if (verdict === undefined) return undefined;
    if (!verdict.ok) return NO_KEY.test(verdict.code) ? null : undefined;
    if (this.#isRevokedHere(verdict)) return undefined;
    if (!this.#options.inScope(verdict.key)) return null;
    return this.records.peek(verdict.key.name) ?? fromText(verdict.key, token);
  }

  // The copy's record of a publishable key, with a revocation added if the list or this process
  // knows of one. Undefined if the key can't be verified here.
  async withRevocation(record) {
    const verdict = await this.#verdict(record.token ?? '', 'publishable');
    if (verdict === undefined || UNDECIDED.has(verdict.code)) return undefined;
    if ((verdict.ok && !this.#isRevokedHere(verdict)) || !isValid(record)) return record;
    return { ...record, revoked_at: new Date(verdict.list.thisUpdate).toISOString() };
  }

  // A change made here takes effect here at once, whatever list this process has.
  changed(record) {
    this.records.put(record);
    if (record.revoked_at !== null) {
      this.#revoked.set(record.id, {
        from: Date.parse(record.revoked_at),
        committed: Date.parse(record.updated_at),
      });
    }
  }

  deleted(id) {
    this.records.forget(id);
    this.#revoked.set(id, { from: 0, committed: Date.now() });
  }

  restored(record) {
    this.records.put(record);
    this.#revoked.delete(record.id);
  }

  // Starts to refresh the list in the background.
  start() {
    if (this.#verifier === undefined || this.#timer !== undefined) return;
    const tick = async () => {
      await this.#refresh().catch(() => {});
      const pause = Math.min(
        this.#options.refreshEvery * 2 ** Math.min(this.#failures, 10),
        LONGEST_PAUSE_MS,
      );
      if (this.#timer !== undefined)
        this.#timer = setTimeout(tick, Math.max(pause, this.#options.refreshEvery)).unref();
    };
    this.#timer = setTimeout(tick, 0).unref();
  }

  async stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#listStore?.settled();
  }

  // The list that keys are verified against.
  async list() {
    if (this.#verifier === undefined) return undefined;
    await this.#restore();
    return this.#verifier.status().list;
  }

  // From the issuer, or from the copy while the issuer is away.
  async #record(id) {
    try {
      const record = await this.#connection.read((issuer) => issuer.keys.get(id));
      if (this.#options.inScope(record)) this.#copy.put([record]);
      return record;
    } catch (error) {
      const stored = isAway(error) ? await this.#copy.record(id) : undefined;
      if (stored === null) throw new IssuerError('not_found', 'the key was deleted', { status: 404 });
      if (stored === undefined) throw error;
      return stored;
    }
  }

  async #askIssuer(token) {
    const { kind, environment } = { kind: 'secret', environment: this.#options.environment };
    const { ok, key } = await this.#connection.ask((issuer) => issuer.keys.authenticate(token, { kind, environment }));
    if (!ok || !this.#options.inScope(key)) return null;
    this.#copy.put([key]);
    return this.records.put(key);
  }

  async #verdict(token, kind) {
    if (this.#verifier === undefined) return undefined;
    this.start();
    const { environment, freshFor, deadline } = this.#options;
    const verify = () => this.#verifier.verify(token, { kind, environment, freshFor });
    const verdict = verify();
    // Final under a fresh list: a newer one doesn't make a key of a text that is none, and a newer
    // keyring arrives with the next refresh.
    if (verdict.list.freshness === 'fresh') return verdict;
    // After a failed refresh, requests don't wait for another one as long as the list is in force.
    if (verdict.list.freshness === 'stale' && this.#failures > 0) {
      if (Date.now() - this.#refreshedAt >= this.#options.refreshEvery) this.#refresh().catch(() => {});
      return verdict;
    }
    await Promise.race([this.#refresh().catch(() => {}), pause(deadline)]);
    return verify();
  }

  #isRevokedHere({ key, list }) {
    const revoked = this.#revoked.get(key.name);
    if (revoked === undefined) return false;
    if (list.thisUpdate > revoked.committed) {
      this.#revoked.delete(key.name);
      return false;
    }
    return revoked.from <= Date.now();
  }

  #refresh() {
    this.#refreshing ??= this.#restore()
      .then(() => this.#verifier.refresh())
      .then(
        (list) => this.#refreshed(list),
        (error) => this.#failed(error),
      )
      .finally(() => {
        this.#refreshing = undefined;
        this.#refreshedAt = Date.now();
      });
    return this.#refreshing;
  }

  // Restores the copy first, so that nothing older is accepted from the network. Revocations that
  // other processes of the shop know of count until the list is newer than they are.
  #restore() {
    this.#restoring ??= this.#catchUp();
    return this.#restoring;
  }

  async #catchUp() {
    await this.#listStore?.restore(this.#verifier);
    for (const { id, record, goneAt } of await this.#copy.changes()) {
      if (goneAt !== null) this.#ended(id, 0, goneAt.getTime());
      else if (record !== null) this.#changedElsewhere(record);
    }
  }

  #changedElsewhere(record) {
    const held = this.records.peek(record.id);
    if (held !== undefined && Date.parse(held.updated_at) > Date.parse(record.updated_at)) return;
    if (held !== undefined) this.records.put(record);
    const committed = Date.parse(record.updated_at);
    if (record.state === 'suspended') this.#ended(record.id, 0, committed);
    else if (record.revoked_at !== null) this.#ended(record.id, Date.parse(record.revoked_at), committed);
    else if (this.#revoked.get(record.id)?.committed < committed) this.#revoked.delete(record.id);
  }

  #ended(id, from, committed) {
    if (this.#revoked.get(id)?.committed > committed) return;
    if (from === 0) this.records.forget(id);
    this.#revoked.set(id, { from, committed });
  }

  #refreshed(list) {
    if (this.#failures > 0)
      this.#options.logger?.info?.('API keys: the revocation list is up to date again');
    this.#failures = 0;
    for (const [id, { committed }] of this.#revoked)
      if (list.thisUpdate > committed) this.#revoked.delete(id);
    this.#listStore?.store(this.#verifier);
  }

  async #failed(error) {
    this.#failures += 1;
    if (this.#failures === 1) {
      this.#options.logger?.warn?.(
        `API keys: the revocation list can't be brought up to date: ${error.message}`,
      );
    }
    // Another process of the shop may have a newer list, and may have revoked keys before the
    // issuer went away.
    await this.#catchUp();
    throw error;
  }
}

// A record made from what an accepted key's text says.
function fromText(key, token) {
  const issued = new Date(key.issuedAt).toISOString();
  return {
    id: key.name,
    token,
    redacted: '',
    title: '',
    kind: key.kind,
    state: 'active',
    created_by: '',
    owner: key.owner ?? 0,
    environment: key.environment,
    purpose: 'token',
    revoked_by: null,
    revoked_at: null,
    suspended_at: null,
    suspended_by: null,
    expires_at: key.expiresAt === null ? null : new Date(key.expiresAt).toISOString(),
    issued_at: issued,
    updated_at: issued,
  };
}

const pause = (millis) => new Promise((resolve) => setTimeout(resolve, millis).unref());
