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

import type { Algorithm, Environment, Kind } from './index.js';

export type { Algorithm, Environment, Kind };

/** Settings of {@link createIssuer}. */
export interface IssuerOptions {
  /** The issuer's address, `https://keys.example.com`. No redirect is followed. */
  url: string | URL;
  /** An admin key, or what gives one: asked before each attempt, so a rolled key needs no restart. */
  adminKey: string | (() => string | Promise<string>);
  /** Instead of the global `fetch`. */
  fetch?: (address: string, init: RequestInit) => Promise<Response>;
  /** For one attempt, answer included. 10,000 ms unless told. */
  timeout?: number;
  /** How often an act is sent again at most. 3 unless told; 0 for never. */
  retries?: number;
}

/** What every call takes. */
export interface CallOptions {
  /** Ends the call, pauses between attempts included: it rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** `active`; `scheduled`: accepted until its revocation strikes; the others are refused. */
export type KeyState = 'active' | 'scheduled' | 'suspended' | 'revoked' | 'expired';

/** What people keep with a key or an owner. */
export type Metadata = Record<string, unknown>;

/** What the issuer knows of a key. */
export interface KeyRecord {
  /** Its public name: `apk_` and 22 characters. */
  id: string;
  title: string;
  /** An admin key opens the issuer's API and no gate. */
  purpose: 'token' | 'admin';
  kind: Kind;
  environment: Environment;
  algorithm: Algorithm | null;
  /** The signer's number. */
  kid: number;
  /** The index in the revocation list. */
  serial: number;
  state: KeyState;
  /** The form in which the token may be shown. */
  redacted: string;
  /** The token, of publishable keys only. */
  token?: string;
  metadata: Metadata;
  /** What an admin key may do; of admin keys only. */
  admin_scopes?: string[];
  /** Of publishable keys only. */
  sales_channels?: string[];
  /** 0 for none. */
  owner: number;
  /** 0 for none. */
  policy: number;
  issued_at: string;
  updated_at: string;
  expires_at: string | null;
  suspended_at: string | null;
  suspended_by: string | null;
  /** When its revocation strikes or struck. */
  revoked_at: string | null;
  revoked_by: string | null;
  created_by: string | null;
  /** The id of the key that it takes the place of. */
  rolled_from: string | null;
}

/** When a key expires: say one, or neither for never. */
export interface Expiry {
  expires_in_seconds?: number;
  expires_at?: string;
}

/** A key to make. */
export interface NewKey extends Expiry {
  /** 1 to 255 characters. */
  title: string;
  /** `secret` unless told. */
  kind?: Kind;
  /** `live` unless told. */
  environment?: Environment;
  /** HMAC for secret keys and Ed25519 for publishable ones, unless told. */
  algorithm?: Algorithm;
  metadata?: Metadata;
  owner?: number;
  policy?: number;
  /** Of a publishable key without `policy`. */
  sales_channels?: string[];
  /** The admin key's id unless told. */
  created_by?: string;
}

/** A key that was made. */
export interface Minted {
  key: KeyRecord;
  /** Its text: of a secret key this is the one time that it can be had. */
  token: string;
}

/** What to change of a key; what is not said stays. */
export interface KeyChange {
  title?: string;
  /** Members to set; null takes one away. */
  metadata?: Metadata;
  /** All of them, in the place of those that it has. */
  sales_channels?: string[];
  updated_by?: string;
}

/** What keys are to be like. */
export interface KeyCriteria {
  /** In title, redacted form or id. */
  q?: string;
  /** One id, or up to 200. */
  id?: string | string[];
  title?: string;
  /** The text of a publishable key. */
  token?: string;
  purpose?: 'token' | 'admin';
  kind?: Kind;
  environment?: Environment;
  state?: KeyState;
  owner?: number;
  policy?: number;
  sales_channel?: string;
  created_from?: string;
  created_before?: string;
  updated_from?: string;
  updated_before?: string;
  revoked_from?: string;
  revoked_before?: string;
}

/** Which keys to list, and how. */
export interface KeyFilter extends KeyCriteria {
  /** `-created` unless told: the newest first. */
  order?: 'created' | '-created' | 'updated' | '-updated' | 'title' | '-title';
  /** Keys of one page: 1 to 200, 50 unless told. */
  limit?: number;
  /** Where to start. */
  cursor?: string;
  /** Whether each page tells how many there are on all of them. */
  count?: boolean;
}

/** Which list. */
export interface ListMark {
  epoch: number;
  number: number;
  age_millis: number;
  /** Every revocation committed before this instant is in it. */
  this_update: string;
  /** From this instant on nothing may be judged by it. */
  next_update: string;
}

/** Whether verifiers can know of a change, which is committed in any case. */
export interface Committed {
  /** `false`: they learn of it with the next list. */
  published: boolean;
  /** The list that says so, where it is published. */
  list?: ListMark;
  /** What follows from its not being published. */
  note?: string;
  /** Why it is not. */
  problem?: Problem;
}

/** A place where lists are put out. */
export interface Target {
  name: string;
  kind: string;
  /** Whether it carries the list in question, or a later one. */
  carries: boolean;
  /** Whether who reads there finds it at once. */
  visible: string;
  number: number | null;
  this_update: string | null;
  error?: string;
  failing_since?: string;
}

/** The same, after a `wait` for the targets. */
export interface Carried extends Committed {
  /** Whether all targets carry the list. */
  everywhere?: boolean;
  targets?: Target[];
}

/** For how long to wait until every target carries the list, in seconds. */
export interface Wait {
  wait?: number;
}

/** From when on, and by whom. Neither `in_seconds` nor `at` is: now. */
export interface Revocation extends Wait {
  in_seconds?: number;
  at?: string;
  revoked_by?: string;
}

/** A key to be put in a key's place. What is not said is as it was. */
export interface Roll extends Expiry {
  /** For how long both count. */
  overlap_seconds?: number;
  never_expires?: boolean;
  owner?: number;
  policy?: number;
  algorithm?: Algorithm;
  rolled_by?: string;
}

/** What is asked of a key that is judged. */
export interface VerifyOptions extends CallOptions {
  kind?: Kind;
  environment?: Environment;
}

/** What the records say of a key, which is ahead of every list. */
export type Authenticated =
  | { ok: true; key: KeyRecord }
  | { ok: false; code: string; message: string };

/** What a gate would say of a key. */
export type IssuerVerdict =
  | { ok: true; key: AcceptedKey; list: ListMark }
  | { ok: false; code: string; message: string; list: ListMark | null };

/** A key that a gate would accept. */
export interface AcceptedKey {
  id: string;
  title: string | null;
  kind: Kind;
  environment: Environment;
  algorithm: Algorithm;
  kid: number;
  serial: number;
  owner: number;
  policy: number;
  issued_at: string;
  expires_at: string | null;
}

/** What has become of a line of a file. */
export interface ImportedLine {
  line: number;
  /** `before` where an earlier import made the key, `deleted` where that is deleted since. */
  status: 'made' | 'before' | 'deleted' | 'bad';
  external_id?: string;
  id?: string;
  token?: string;
  error?: string;
}

/** A page. */
export interface Page<T> {
  items: T[];
  /** On all pages, where that was asked for. */
  count: number | null;
}

/** Pages, turned as they are read: `for await (const item of pages)`. */
export interface Pages<T> extends AsyncIterable<T> {
  /** Page by page. */
  pages(): AsyncIterable<Page<T>>;
  /** The first page alone. */
  page(): Promise<Page<T>>;
  /** All of them, or the first `atMost`. */
  toArray(options?: { atMost?: number }): Promise<T[]>;
}

/** `/v1/keys`. */
export interface Keys {
  /**
   * Makes a key, or up to 1,000, all of them or none. Sent again under the same idempotency key the
   * issuer tells of the key that it made before; without one of yours each call makes one of its own.
   */
  create(body: NewKey, options?: CreateOptions): Promise<Minted>;
  create(bodies: NewKey[], options?: CreateOptions): Promise<Minted[]>;
  list(filter?: KeyFilter, options?: CallOptions): Pages<KeyRecord>;
  get(id: string, options?: CallOptions): Promise<KeyRecord>;
  /** Published where sales channels change. */
  update(id: string, body: KeyChange, options?: CallOptions): Promise<KeyRecord & Partial<Committed>>;
  /** Makes those without `id` and changes the others, all of it or nothing. */
  upsert(
    bodies: UpsertKey | UpsertKey[],
    options?: CallOptions,
  ): Promise<{ created: Minted[]; updated: KeyRecord[] }>;
  /** A revocation never moves later: 409 `already_revoked` or `revocation_not_earlier`. */
  revoke(id: string, body?: Revocation, options?: CallOptions): Promise<KeyRecord & Carried>;
  /** All that are named, or none; or all that are like `where`. */
  revokeMany(
    body: Revocation & ({ ids: string[] } | { where: KeyCriteria }),
    options?: CallOptions,
  ): Promise<{ count: number; keys: KeyRecord[] } & Carried>;
  suspend(id: string, body?: { by?: string }, options?: CallOptions): Promise<KeyRecord & Committed>;
  resume(id: string, body?: { by?: string }, options?: CallOptions): Promise<KeyRecord & Committed>;
  /** Makes a key in this one's place, which is revoked when the overlap is over. */
  roll(id: string, body?: Roll, options?: CallOptions): Promise<Minted & { rolled: KeyRecord } & Committed>;
  changeSalesChannels(
    id: string,
    body: { add?: string[]; remove?: string[] },
    options?: CallOptions,
  ): Promise<KeyRecord & Partial<Committed>>;
  /** Deletes the record of a revoked key; the list goes on refusing it. */
  delete(id: string, options?: CallOptions): Promise<DeletedKey>;
  deleteMany(ids: string[], options?: CallOptions): Promise<DeletedKeys>;
  /** Takes a create back: revokes and deletes in one act. For compensations. */
  undo(id: string, options?: CallOptions): Promise<DeletedKey & Committed>;
  undoMany(ids: string[], options?: CallOptions): Promise<DeletedKeys & Committed>;
  /** Judges a key by the records, ahead of every list. Secret ones unless told. */
  authenticate(token: string, options?: VerifyOptions): Promise<Authenticated>;
  /** Records of another system, as JSON lines or CSV. */
  import(
    text: string,
    options?: CallOptions & { type?: 'application/x-ndjson' | 'text/csv' },
  ): Promise<ImportedLine[]>;
}

export interface CreateOptions extends CallOptions {
  /** 1 to 255 visible ASCII characters, remembered for a day. */
  idempotencyKey?: string;
}

export type UpsertKey = NewKey | (KeyChange & { id: string });
export interface DeletedKey {
  id: string;
  object: 'api_key';
  deleted: true;
}
export interface DeletedKeys {
  ids: string[];
  object: 'api_key';
  deleted: true;
}

/** A tenant, whose number keys carry. */
export interface Owner {
  number: number;
  name: string;
  external_id: string | null;
  metadata: Metadata;
  created_at: string;
  updated_at: string;
}

/** `/v1/owners`. */
export interface Owners {
  create(
    body: { name: string; external_id?: string; metadata?: Metadata },
    options?: CallOptions,
  ): Promise<Owner>;
  list(filter?: { external_id?: string; after?: number; limit?: number }, options?: CallOptions): Pages<Owner>;
  get(number: number, options?: CallOptions): Promise<Owner>;
  update(
    number: number,
    body: { name?: string; external_id?: string | null; metadata?: Metadata },
    options?: CallOptions,
  ): Promise<Owner>;
  delete(number: number, options?: CallOptions): Promise<void>;
}

/** What keys that carry its number may do. */
export interface PolicyRules {
  scopes: string[];
  sales_channels: string[];
  methods: string[];
  paths: string[];
  cidrs: string[];
  origins: string[];
  rate_class: string | null;
}

/** A policy. */
export interface Policy extends PolicyRules {
  number: number;
  name: string;
  /** `public` for publishable keys, `private` for secret ones. */
  visibility: 'public' | 'private';
  /** The publishable key whose own it is. */
  key_id?: string;
  created_at: string;
  updated_at: string;
}

/** `/v1/policies`. */
export interface Policies {
  create(
    body: { name: string; visibility: 'public' | 'private' } & Partial<Omit<PolicyRules, 'rate_class'>> & {
        rate_class?: string;
      },
    options?: CallOptions,
  ): Promise<Policy & Committed>;
  list(
    filter?: { visibility?: 'public' | 'private'; after?: number; limit?: number },
    options?: CallOptions,
  ): Pages<Policy>;
  get(number: number, options?: CallOptions): Promise<Policy>;
  update(
    number: number,
    body: { name?: string } & Partial<PolicyRules>,
    options?: CallOptions,
  ): Promise<Policy & Committed>;
  delete(number: number, options?: CallOptions): Promise<{ number: number; deleted: true } & Committed>;
}

/** A revocation or suspension of many keys. */
export interface MassRevocation {
  id: number;
  state: 'revoked' | 'suspended';
  owner?: number;
  kid?: number;
  environment?: Environment;
  serials?: [number, number];
  issued_from: string | null;
  issued_before: string | null;
  made_by: string | null;
  created_at: string;
  lifted_at: string | null;
}

/** `/v1/revocations`. */
export interface Revocations {
  /** Of one owner, signer or environment, or of everybody where none is named. */
  create(
    body: Wait & {
      state?: 'revoked' | 'suspended';
      owner?: number;
      kid?: number;
      environment?: Environment;
      issued_from?: string;
      issued_before?: string;
      by?: string;
    },
    options?: CallOptions,
  ): Promise<MassRevocation & Carried>;
  list(options?: CallOptions): Promise<MassRevocation[]>;
  /** Lifts a suspension. */
  lift(id: number, options?: CallOptions & Wait): Promise<MassRevocation & Carried>;
}

/** What is published. */
export interface PublishedList extends ListMark {
  /** The SHA-256 of the head. */
  head: string;
  /** The newest event that the list knows of. */
  position: number;
  /** Whether nothing may be judged by it any more. */
  expired: boolean;
  shards: {
    shard: number;
    capacity: number;
    issued: number;
    revoked: number;
    timed: number;
    body_len: number;
    body: string | null;
  }[];
  targets: Target[];
}

/** The API of one issuer. */
export interface Issuer {
  keys: Keys;
  owners: Owners;
  policies: Policies;
  revocations: Revocations;
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

/** An error as the issuer answers it (RFC 9457). */
export interface Problem {
  type: string;
  title: string;
  status: number;
  /** A sentence that says what to do. */
  detail: string;
  code: string;
  /** The coarse kind, as shops' back ends name it. */
  kind: string;
}

/** The client's own codes; the issuer's are beside them in {@link IssuerErrorCode}. */
export type ClientErrorCode = 'unreachable' | 'timeout' | 'unexpected_answer';

/** The codes that an application may want to tell apart. A newer issuer may have more. */
export type IssuerErrorCode =
  | ClientErrorCode
  | 'no_admin_key'
  | 'invalid_admin_key'
  | 'not_found'
  | 'invalid'
  | 'invalid_json'
  | 'invalid_query'
  | 'nothing_selected'
  | 'fixed_field'
  | 'already_revoked'
  | 'revocation_not_earlier'
  | 'not_revoked'
  | 'suspended'
  | 'not_suspended'
  | 'expired'
  | 'not_publishable'
  | 'shared_policy'
  | 'idempotency_key_reused'
  | 'in_use'
  | 'wide_revoked'
  | 'no_signer'
  | 'shard_full'
  | 'restored_backup'
  | 'database_busy'
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
