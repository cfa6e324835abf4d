/**
 * The client of the issuer's HTTP API.
 *
 * ```js
 * import { createIssuer } from 'portcullis/issuer';
 *
 * const issuer = createIssuer({ url: 'https://keys.example.com', adminKey: process.env.ADMIN_KEY });
 * const { key, token } = await issuer.keys.create({ title: 'Warehouse', kind: 'secret' });
 * for await (const key of issuer.keys.list({ state: 'active' })) console.log(key.id, key.title);
 * await issuer.keys.revoke(key.id, { wait: 10 });
 * ```
 *
 * Fields are spelled as the API spells them. Instants are RFC 3339 texts in UTC.
 *
 * What failed for a passing reason is tried again, as long as that is safe: acts that come to the
 * same when they are done twice, creates of keys (each under an idempotency key), and everything that
 * surely was not done. What else fails so is yours to look at: {@link IssuerError.maybeDone}.
 */

import type { Algorithm, Environment, Kind } from '../index.js';
import type { CallOptions, Committed, Problem } from './issuer-call.js';
import type { Events, Webhooks } from './issuer-events.js';
import type { IssuerVerdict, Keys, KeyState, VerifyOptions } from './issuer-keys.js';
import type { Admins, Labels, Owners, Policies, PublishedList, Revocations, Settings, Signers, Usage } from './issuer-records.js';

export type { Algorithm, Environment, Kind };
export type * from './issuer-call.js';
export type * from './issuer-events.js';
export type * from './issuer-keys.js';
export type * from './issuer-records.js';

/** Settings of {@link createIssuer}. */
export interface IssuerOptions {
  /** The issuer's address, `https://keys.example.com`. No redirect is followed. */
  url: string | URL;
  /** An admin key, or what gives one: asked before each attempt, so a rolled key needs no restart. */
  adminKey: string | (() => string | Promise<string>);
  /** Instead of the global `fetch`. */
  fetch?: ((address: string, init: RequestInit) => Promise<Response>) | undefined;
  /** For one attempt, answer included. 10,000 ms unless told. */
  timeout?: number;
  /** How often an act is sent again at most. 3 unless told; 0 for never. */
  retries?: number;
}

/** The API of one issuer. */
export interface Issuer {
  keys: Keys;
  owners: Owners;
  policies: Policies;
  revocations: Revocations;
  events: Events;
  webhooks: Webhooks;
  admins: Admins;
  usage: Usage;
  settings: Settings;
  keyring: {
    show(options?: CallOptions): Promise<Signers>;
    /** The labels that new keys can have, `''` for none; the first is the default. */
    labels(options?: CallOptions): Promise<Labels>;
  };
  list: {
    show(options?: CallOptions): Promise<PublishedList>;
    publish(options?: CallOptions): Promise<PublishedList>;
  };
  /** Judges a key as a gate would: by the list that is out. */
  verify(token: string, options?: VerifyOptions): Promise<IssuerVerdict>;
  /** Revokes the secret key that is sent, at once and without an admin key. */
  revokeHeld(
    token: string,
    options?: CallOptions,
  ): Promise<{ id: string; state: KeyState; revoked_at: string } & Committed>;
  health: {
    live(options?: CallOptions): Promise<void>;
    /** Rejects with the reason where the issuer is not ready. */
    ready(options?: CallOptions): Promise<void>;
  };
}

/**
 * The client of one issuer. It opens nothing and holds nothing that is to be closed.
 *
 * @throws TypeError where an option is none.
 */
export function createIssuer(options: IssuerOptions): Issuer;

/** The client's own codes; the issuer's are beside them in {@link IssuerErrorCode}. */
export type ClientErrorCode = 'unreachable' | 'timeout' | 'unexpected_answer';

/** The codes that an application may want to tell apart. A newer issuer may have more. */
export type IssuerErrorCode =
  | ClientErrorCode
  | 'no_admin_key'
  | 'invalid_admin_key'
  | 'insufficient_scope'
  | 'not_found'
  | 'invalid'
  | 'invalid_json'
  | 'invalid_query'
  | 'nothing_selected'
  | 'fixed_field'
  | 'already_revoked'
  | 'revocation_not_earlier'
  | 'last_admin_key'
  | 'count_changed'
  | 'outlives_maker'
  | 'lifetime_too_long'
  | 'expiry_required'
  | 'owner_required'
  | 'label_not_listed'
  | 'reason_required'
  | 'settings_changed'
  | 'not_revoked'
  | 'suspended'
  | 'not_suspended'
  | 'expired'
  | 'not_publishable'
  | 'shared_policy'
  | 'idempotency_key_reused'
  | 'idempotency_not_supported'
  | 'in_use'
  | 'wide_revoked'
  | 'no_signer'
  | 'shard_full'
  | 'restored_backup'
  | 'database_busy'
  | 'database_interrupted'
  | 'database_missing'
  | 'database_replaced'
  | 'database_moving'
  | 'database_moved'
  | 'storage_full'
  | 'clock_implausible'
  | 'clock_went_back'
  | (string & {});

/** Why an act failed. Neither keys nor bodies are in it. */
export class IssuerError extends Error {
  readonly name: 'IssuerError';
  readonly code: IssuerErrorCode;
  /** The HTTP status; null where there was no answer. */
  readonly status: number | null;
  /** The problem's kind; null where there is no problem. */
  readonly kind: string | null;
  readonly problem: Problem | null;
  /** For how long the issuer asked to wait, in milliseconds. */
  readonly retryAfter: number | null;
  /** How often it was tried. */
  readonly attempts: number;
  /** Whether the act may have been done all the same: an attempt's answer was lost. */
  readonly maybeDone: boolean;
}
