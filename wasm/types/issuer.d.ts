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
import type { components } from './issuer-api.js';

export type { Algorithm, Environment, Kind };

// What is sent and answered is written from the API's description (issuer-api.d.ts). Here it is made
// as narrow as the issuer keeps it: words are unions, and a field that is always there is not optional.
// A field that the description does not have fails to compile.
type Api = components['schemas'];
type Of<T, R> = { [Name in keyof R]: Name extends keyof T ? R[Name] : never };
/** An answer: `O` are the fields that may be left out. */
type Answered<T, R extends Of<T, R> = {}, O extends keyof T = never> = {
  [Name in keyof T as Exclude<Name, O>]-?: Name extends keyof R ? R[Name] : Exclude<T[Name], undefined>;
} & {
  [Name in keyof T as Extract<Name, O>]?: Name extends keyof R ? R[Name] : NonNullable<T[Name]>;
};
/** What is sent: null is said by leaving a field out, unless `R` has it. */
type Sent<T, R extends Of<T, R> = {}> = {
  [Name in keyof T]: Name extends keyof R ? R[Name] : Exclude<T[Name], null>;
};

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

/** What every call takes. */
export interface CallOptions {
  /** Ends the call, pauses between attempts included: it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** `active`; `scheduled`: accepted until its revocation strikes; the others are refused. */
export type KeyState = 'active' | 'scheduled' | 'suspended' | 'revoked' | 'expired';

/** An admin key opens the issuer's API and no gate. */
export type Purpose = 'token' | 'admin';

/** What people keep with a key or an owner. */
export type Metadata = Record<string, unknown>;

/** What the issuer knows of a key. */
export type KeyRecord = Answered<
  Api['KeyView'],
  {
    purpose: Purpose;
    kind: Kind;
    environment: Environment;
    algorithm: Algorithm | null;
    state: KeyState;
    metadata: Metadata;
  },
  'token' | 'scopes' | 'sales_channels'
>;

/** A key to make. Without a time of expiry it has none. */
export type NewKey = Sent<
  Api['CreateKeyBody'],
  { kind?: Kind; environment?: Environment; algorithm?: Algorithm; metadata?: Metadata }
>;

/** A key that was made. Of a secret key this is the one time that its text, `token`, can be had. */
export type Minted = Answered<Api['CreatedAnswer'], { key: KeyRecord }>;

/** What to change of a key; what is not said stays. Null takes a member of the metadata away. */
export type KeyChange = Sent<Api['UpdateKeyBody'], { metadata?: Metadata }>;

/** A key to be made, or with an `id` one to be changed. */
export type UpsertKey = NewKey | (KeyChange & { id: string });

/** Which keys to list, and how. */
export type KeyFilter = Sent<
  Api['Filter'],
  {
    /** One id, or up to 200. */
    id?: string | string[];
    purpose?: Purpose;
    kind?: Kind;
    environment?: Environment;
    state?: KeyState;
    order?: 'created' | '-created' | 'updated' | '-updated' | 'title' | '-title';
  }
>;

/** What keys are to be like. `id` holds ids between commas. */
export type KeyCriteria = Omit<KeyFilter, 'id' | 'order' | 'limit' | 'cursor' | 'count'> & { id?: string };

/** Which list. */
export type ListMark = Answered<Api['MarkView']>;

/** A place where lists are put out. */
export type Target = Answered<Api['TargetView'], {}, 'error' | 'failing_since'>;

/** Whether verifiers can know of a change, which is committed in any case. */
export type Committed = Answered<
  Omit<Api['CommittedAnswer'], 'everywhere' | 'targets'>,
  { list: ListMark; problem: Problem },
  'list' | 'note' | 'problem'
>;

/** The same, after a `wait` for the targets. */
export type Carried = Committed & {
  /** Whether all targets carry the list. */
  everywhere?: boolean;
  targets?: Target[];
};

/** For how long to wait until every target carries the list, in seconds. */
export interface Wait {
  wait?: number;
}

/** From when on, and by whom. Neither `in_seconds` nor `at` is: now. */
export type Revocation = Sent<Api['RevokeBody']> & Wait;

/** A key to be put in a key's place. What is not said is as it was. */
export type Roll = Sent<Api['RollBody'], { algorithm?: Algorithm }>;

/** What is asked of a key that is judged. */
export interface VerifyOptions extends CallOptions {
  kind?: Kind;
  environment?: Environment;
}

/** What the records say of a key, which is ahead of every list. */
export type Authenticated = { ok: true; key: KeyRecord } | { ok: false; code: string; message: string };

/** What a gate would say of a key. */
export type IssuerVerdict =
  | { ok: true; key: AcceptedKey; list: ListMark }
  | { ok: false; code: string; message: string; list: ListMark | null };

/** A key that a gate would accept. */
export type AcceptedKey = Answered<
  Api['AcceptedView'],
  { kind: Kind; environment: Environment; algorithm: Algorithm }
>;

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

export type DeletedKey = Answered<Api['DeletedAnswer'], { object: 'api_key'; deleted: true }>;
export type DeletedKeys = Answered<Api['DeletedManyAnswer'], { object: 'api_key'; deleted: true }>;

/** A tenant, whose number keys carry. */
export type Owner = Answered<Api['OwnerView'], { metadata: Metadata }>;

/** `/v1/owners`. */
export interface Owners {
  create(
    body: Sent<Api['CreateOwnerBody'], { metadata?: Metadata }>,
    options?: CallOptions,
  ): Promise<Owner>;
  list(
    filter?: { external_id?: string; after?: number; limit?: number },
    options?: CallOptions,
  ): Pages<Owner>;
  get(number: number, options?: CallOptions): Promise<Owner>;
  update(
    number: number,
    body: Sent<Api['UpdateOwnerBody'], { external_id?: string | null; metadata?: Metadata }>,
    options?: CallOptions,
  ): Promise<Owner>;
  delete(number: number, options?: CallOptions): Promise<void>;
}

/** Who may read a policy: `public` is for publishable keys, `private` for secret ones. */
export type Visibility = 'public' | 'private';

/** What keys that carry its number may do. */
export type Policy = Answered<Api['PolicyView'], { visibility: Visibility }, 'key_id'>;

/** `/v1/policies`. */
export interface Policies {
  create(
    body: Sent<Api['CreatePolicyBody'], { visibility: Visibility }>,
    options?: CallOptions,
  ): Promise<Policy & Committed>;
  list(
    filter?: { visibility?: Visibility; after?: number; limit?: number },
    options?: CallOptions,
  ): Pages<Policy>;
  get(number: number, options?: CallOptions): Promise<Policy>;
  update(
    number: number,
    body: Sent<Omit<Api['UpdatePolicyBody'], 'visibility'>, { rate_class?: string | null }>,
    options?: CallOptions,
  ): Promise<Policy & Committed>;
  delete(number: number, options?: CallOptions): Promise<{ number: number; deleted: true } & Committed>;
}

/** A revocation or suspension of many keys. */
export type MassRevocation = Answered<
  Api['WideView'],
  { state: 'revoked' | 'suspended'; environment: Environment; serials: [number, number] },
  'owner' | 'kid' | 'environment' | 'serials'
>;

/** `/v1/revocations`. */
export interface Revocations {
  /** Of one owner, signer or environment, or of everybody where none is named. */
  create(
    body: Wait &
      Sent<Api['RevocationBody'], { state?: 'revoked' | 'suspended'; environment?: Environment }>,
    options?: CallOptions,
  ): Promise<MassRevocation & Carried>;
  list(options?: CallOptions): Promise<MassRevocation[]>;
  /** Lifts a suspension. */
  lift(id: number, options?: CallOptions & Wait): Promise<MassRevocation & Carried>;
}

/** What is published. */
export type PublishedList = Answered<
  Api['ListAnswer'],
  { shards: Answered<Api['ShardView']>[]; targets: Target[] }
>;

/** An event of the audit trail. */
export interface IssuerEvent {
  /** Its place in the trail. */
  id: number;
  /** When it was committed. */
  at: string;
  /** Such as `api-key.revoked` or `list.published`. */
  type: string;
  /** The key that it happened to. */
  key_id: string | null;
  /** Who did it, as they were named. */
  actor: string | null;
  data: unknown;
  /** Over this event and all before: an anchor of the trail for whoever keeps it. */
  digest: string;
}

/** `/v1/events`. */
export interface Events {
  list(
    filter?: {
      /** Types between commas. */
      type?: string;
      key_id?: string;
      actor?: string;
      since?: string;
      until?: string;
      /** `desc` unless told: the newest first. */
      order?: 'asc' | 'desc';
      /** Events of one page: 1 to 1,000, 50 unless told. */
      limit?: number;
      cursor?: string;
    },
    options?: CallOptions,
  ): Pages<IssuerEvent>;
  /**
   * Events as they are committed, each once and in order, over lost connections too: those behind the
   * event `after` (0 for all of them), or else what is new. It ends with the signal, or with a refusal.
   */
  follow(
    filter?: {
      type?: string;
      after?: number;
      /** For how long a stream may say nothing before it counts as lost. 45,000 ms unless told. */
      silence?: number;
    },
    options?: CallOptions,
  ): AsyncGenerator<IssuerEvent, void, undefined>;
}

/** An endpoint that is told of events. */
export interface Webhook {
  id: string;
  url: string;
  description: string;
  /** The types that it is told of; all for an empty list. */
  types: string[];
  enabled: boolean;
  /** Why not, where it was not a person's doing. */
  disabled_why: string | null;
  /** The newest event for which there are deliveries. */
  position: number;
  old_secret_until: string | null;
  created_by: string | null;
  created_at: string;
  updated_at: string;
}

/** A message to an endpoint. */
export interface Delivery {
  id: number;
  event_id: number;
  state: 'pending' | 'delivered' | 'dead';
  attempts: number;
  next_at: string | null;
  /** What the endpoint last answered. */
  status: number | null;
  error: string | null;
  updated_at: string;
}

/** `/v1/webhooks`. */
export interface Webhooks {
  /** The `secret` can be had this once. */
  create(
    body: Sent<Api['CreateWebhookBody']>,
    options?: CallOptions,
  ): Promise<{ webhook: Webhook; secret: string }>;
  list(options?: CallOptions): Promise<Webhook[]>;
  get(id: string, options?: CallOptions): Promise<Webhook>;
  update(id: string, body: Sent<Api['UpdateWebhookBody']>, options?: CallOptions): Promise<Webhook>;
  delete(id: string, options?: CallOptions): Promise<{ id: string; deleted: true }>;
  rotateSecret(
    id: string,
    body?: Sent<Api['RotateSecretBody']>,
    options?: CallOptions,
  ): Promise<{ webhook: Webhook; secret: string }>;
  /** The newest first. */
  deliveries(
    id: string,
    filter?: { state?: Delivery['state']; limit?: number; before?: number },
    options?: CallOptions,
  ): Pages<Delivery>;
  /** One delivery, all events behind one, or all that were given up. */
  replay(
    id: string,
    body: { delivery: number } | { after: number } | { dead: true },
    options?: CallOptions,
  ): Promise<{ replayed: number }>;
}

/** `/v1/admins`. */
export interface Admins {
  /** An admin key with some of the caller's scopes. */
  create(body: Sent<Api['CreateAdminBody']>, options?: CallOptions): Promise<Minted>;
}

/** `/v1/usage`. */
export interface Usage {
  /** How often keys were used since the last report: 1,000 keys at most. */
  report(
    uses: Sent<Api['UseBody']>[],
    options?: CallOptions,
  ): Promise<Answered<Api['UsageAnswer']>>;
}

/** The signers of the newest keyring. */
export type Signers = Answered<
  Api['SignersView'],
  {
    signers: Answered<
      Api['SignerView'],
      {
        purpose: 'token' | 'admin' | 'list' | 'status-list' | 'assertion';
        algorithm: Algorithm;
        environments: Environment[];
        kinds: Kind[];
        state: 'next' | 'active' | 'retiring' | 'retired';
      }
    >[];
  }
>;

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
  keyring: { show(options?: CallOptions): Promise<Signers> };
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

/** An error as the issuer answers it (RFC 9457): `detail` says what to do, `kind` is the coarse kind. */
export type Problem = Answered<Api['Problem']>;

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
