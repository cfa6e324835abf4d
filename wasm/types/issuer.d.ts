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
 * Fields are spelled as in the API. Instants are RFC 3339 texts in UTC.
 *
 * Temporary failures are retried if that is safe: requests that can be repeated without a further
 * effect, creates of keys (each under an idempotency key), and requests that certainly were not
 * carried out. For other failures, check {@link IssuerError.maybeDone}.
 */

import type { Algorithm, Environment, Kind } from '../index.js';
import type { CallOptions, Committed, Problem } from './issuer-call.js';
import type { Events, Webhooks } from './issuer-events.js';
import type { IssuerVerdict, Keys, KeyState, VerifyOptions } from './issuer-keys.js';
import type { Admins, BulkRevocations, Labels, Owners, Policies, PublishedList, Settings, Signers, Usage } from './issuer-records.js';

export type { Algorithm, Environment, Kind };
export type * from './issuer-call.js';
export type * from './issuer-events.js';
export type * from './issuer-keys.js';
export type * from './issuer-records.js';

/** Options of {@link createIssuer}. */
export interface IssuerOptions {
  /** The issuer's address, such as `https://keys.example.com`. Redirects are not followed. */
  url: string | URL;
  /**
   * An admin key, or a function that returns one. It is called before each attempt, so a rolled key
   * needs no restart.
   */
  adminKey: string | (() => string | Promise<string>);
  /** Replaces the global `fetch`. */
  fetch?: ((address: string, init: RequestInit) => Promise<Response>) | undefined;
  /** The timeout of one attempt, including its answer. Default: 10,000 ms. */
  timeout?: number;
  /** The maximum number of retries per request; 0 for none. Default: 3. */
  retries?: number;
}

/** The API of one issuer. */
export interface Issuer {
  keys: Keys;
  owners: Owners;
  policies: Policies;
  bulkRevocations: BulkRevocations;
  events: Events;
  webhooks: Webhooks;
  admins: Admins;
  usage: Usage;
  settings: Settings;
  keyring: {
    show(options?: CallOptions): Promise<Signers>;
    /** The labels that new keys can have, `''` for none. The first is the default. */
    labels(options?: CallOptions): Promise<Labels>;
  };
  list: {
    show(options?: CallOptions): Promise<PublishedList>;
    publish(options?: CallOptions): Promise<PublishedList>;
  };
  /** Verifies a key as a gate would: against the published list. */
  verify(token: string, options?: VerifyOptions): Promise<IssuerVerdict>;
  /** Revokes the secret key `token` itself, at once and without an admin key. */
  revokeHeld(
    token: string,
    options?: CallOptions,
  ): Promise<{ id: string; state: KeyState; revoked_at: string } & Committed>;
  health: {
    live(options?: CallOptions): Promise<void>;
    /** Rejects with the reason if the issuer is not ready. */
    ready(options?: CallOptions): Promise<void>;
  };
}

/**
 * Makes the client of one issuer. It holds no connection or other resource that has to be closed.
 *
 * @throws TypeError if an option is invalid.
 */
export function createIssuer(options: IssuerOptions): Issuer;

/** The client's own codes. {@link IssuerErrorCode} adds the issuer's. */
export type ClientErrorCode = 'unreachable' | 'timeout' | 'unexpected_answer';

/** The codes that an application may want to distinguish. A newer issuer may have more. */
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
  | 'bulk_revoked'
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

/** The reason why a call failed. It contains neither keys nor bodies. */
export class IssuerError extends Error {
  readonly name: 'IssuerError';
  readonly code: IssuerErrorCode;
  /** The HTTP status; null if there was no answer. */
  readonly status: number | null;
  /** The problem's kind; null if there is no problem document. */
  readonly kind: string | null;
  readonly problem: Problem | null;
  /** How long the issuer requires the client to wait, in milliseconds. */
  readonly retryAfter: number | null;
  /** The number of attempts. */
  readonly attempts: number;
  /** Whether the request may have been carried out even so, because an attempt's answer was lost. */
  readonly maybeDone: boolean;
}
