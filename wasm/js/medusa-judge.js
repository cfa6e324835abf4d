// Whether a key that a request came in with counts: by the list, or by the issuer's own records.

import { counts } from './medusa-key.js';
import { Records } from './medusa-records.js';

// The text is no key that this issuer vouches for, whatever a list says.
const NO_KEY = /^(?:malformed_|foreign_|unknown_kid$|signer_not_allowed$|bad_signature$|wrong_)/;
// The verifier can't judge the key, and the issuer can.
const ASK_ISSUER = new Set([
  'secret_not_held',
  'not_covered',
  'list_missing',
  'list_past_next_update',
  'list_from_the_future',
  'keyring_expired',
  // Medusa hands in texts that begin with `sk_` alone: of them it means that a newer keyring may list them.
  'foreign_label',
]);
const LONGEST_TOKEN = 512;
const LONGEST_PAUSE_MS = 30_000;

export class Judge {
  #issuer;
  #verifier;
  #options;
  #refreshing;
  #timer;
  #failures = 0;
  #revoked = new Map();

  // `verifier` is undefined where every key is judged online.
  constructor({ issuer, verifier, options, inScope, logger }) {
    this.#issuer = issuer;
    this.#verifier = verifier;
    this.#options = { ...options, inScope, logger };
    this.records = new Records((id) => issuer.keys.get(id), options.recordsFor);
  }

  // The key's record, or what its text says where the issuer can't be asked; null where it is refused.
  async secret(token) {
    if (typeof token !== 'string' || token === '' || token.length > LONGEST_TOKEN) return null;
    const verdict = await this.#verdict(token, 'secret');
    if (verdict === undefined || ASK_ISSUER.has(verdict.code)) return this.#online(token);
    if (!verdict.ok || this.#isRevokedHere(verdict)) return null;
    const record = await this.records.get(verdict.key.name);
    if (record === undefined) return this.#options.inScope(verdict.key) ? fromText(verdict.key) : null;
    return record !== null && counts(record) && this.#options.inScope(record) ? record : null;
  }

  // The same for a publishable key, without a network call: its `id` and since when it is refused, as
  // far as that is known; null where the text is no key, and undefined where the issuer must be asked.
  async publishable(token) {
    if (token === '' || token.length > LONGEST_TOKEN) return null;
    const verdict = await this.#verdict(token, 'publishable');
    if (verdict === undefined) return undefined;
    if (!verdict.ok) return NO_KEY.test(verdict.code) ? null : undefined;
    if (this.#isRevokedHere(verdict)) return undefined;
    if (!this.#options.inScope(verdict.key)) return null;
    return this.records.peek(verdict.key.name) ?? fromText(verdict.key, token);
  }

  // What was changed here counts here at once, whatever list this process has.
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

  // Keeps the list fresh behind the requests.
  start() {
    if (this.#verifier === undefined || this.#timer !== undefined) return;
    const beat = async () => {
      await this.#refresh().catch(() => {});
      const pause = Math.min(
        this.#options.refreshEvery * 2 ** Math.min(this.#failures, 10),
        LONGEST_PAUSE_MS,
      );
      if (this.#timer !== undefined)
        this.#timer = setTimeout(beat, Math.max(pause, this.#options.refreshEvery)).unref();
    };
    this.#timer = setTimeout(beat, 0).unref();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #online(token) {
    const { kind, environment } = { kind: 'secret', environment: this.#options.environment };
    const { ok, key } = await this.#issuer.keys.authenticate(token, { kind, environment });
    return ok && this.#options.inScope(key) ? this.records.put(key) : null;
  }

  async #verdict(token, kind) {
    if (this.#verifier === undefined) return undefined;
    this.start();
    const { environment, freshFor, deadline } = this.#options;
    const judge = () => this.#verifier.verify(token, { kind, environment, freshFor });
    const verdict = judge();
    // What is no key stays none under a newer list; a keyring may be new, and comes with it.
    if (verdict.list.standing === 'fresh') return verdict;
    await Promise.race([this.#refresh().catch(() => {}), pause(deadline)]);
    return judge();
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
    this.#refreshing ??= this.#verifier
      .refresh()
      .then(
        (list) => this.#refreshed(list),
        (error) => this.#failed(error),
      )
      .finally(() => {
        this.#refreshing = undefined;
      });
    return this.#refreshing;
  }

  #refreshed(list) {
    if (this.#failures > 0)
      this.#options.logger?.info?.('API keys: the revocation list is up to date again');
    this.#failures = 0;
    for (const [id, { committed }] of this.#revoked)
      if (list.thisUpdate > committed) this.#revoked.delete(id);
  }

  #failed(error) {
    this.#failures += 1;
    if (this.#failures === 1) {
      this.#options.logger?.warn?.(
        `API keys: the revocation list can't be brought up to date: ${error.message}`,
      );
    }
    throw error;
  }
}

// What the text of an accepted key says, in the form of a record.
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
