import type { Algorithm, Environment, Kind } from '../index.js';
import type { CallOptions, Carried, Committed, ListMark, Pages, Wait } from './issuer-call.js';
import type { Answered, Api, Sent } from './issuer-shape.js';

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
  'token' | 'scopes' | 'sales_channels' | 'status'
>;

/** A key to make. Without a time of expiry it has the one that the settings name, or none. */
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

/** From when on, and in whose name. Neither `in_seconds` nor `at` is: now. */
export type Revocation = Sent<Api['RevokeBody'], { if_revoked?: 'refuse' | 'skip' }> & Wait;

/** What an act would do: how many keys it ends, and how many admin keys that can make others are left. */
export type DryRun = Answered<Api['DryRunAnswer'], { dry_run: true; keys: KeyRecord[] }, 'keys'>;

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
export type ImportedLine = Answered<
  Api['LineView'],
  { status: 'made' | 'before' | 'deleted' | 'bad' },
  'external_id' | 'id' | 'token' | 'error'
>;

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
  /** Which keys would be revoked. Nothing is changed. */
  revokeMany(
    body: { dry_run: true } & Revocation & ({ ids: string[] } | { where: KeyCriteria }),
    options?: CallOptions,
  ): Promise<DryRun>;
  /**
   * All that are named, or none; or all that are like `where`. With `if_revoked: 'skip'` those that are
   * revoked already are left; `confirm` is the count that a dry run told.
   */
  revokeMany(
    body: { dry_run?: false; confirm?: number } & Revocation & ({ ids: string[] } | { where: KeyCriteria }),
    options?: CallOptions,
  ): Promise<{ count: number; keys: KeyRecord[]; skipped?: string[] } & Carried>;
  suspend(id: string, body?: Sent<Api['ByBody']>, options?: CallOptions): Promise<KeyRecord & Committed>;
  resume(id: string, body?: Sent<Api['ByBody']>, options?: CallOptions): Promise<KeyRecord & Committed>;
  /** Makes a key in this one's place, which is revoked when the overlap is over. */
  roll(id: string, body?: Roll, options?: CreateOptions): Promise<Minted & { rolled: KeyRecord } & Committed>;
  changeSalesChannels(
    id: string,
    body: { add?: string[]; remove?: string[] },
    options?: CallOptions,
  ): Promise<KeyRecord & Partial<Committed>>;
  /** Deletes the record of a revoked key; the list goes on refusing it. */
  delete(id: string, options?: EndOptions): Promise<DeletedKey>;
  deleteMany(ids: string[], options?: EndOptions): Promise<DeletedKeys>;
  /** Takes a create back: revokes and deletes in one act. For compensations. */
  undo(id: string, options?: EndOptions): Promise<DeletedKey & Committed>;
  undoMany(ids: string[], options?: EndOptions): Promise<DeletedKeys & Committed>;
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

/** What deleting and undoing take. */
export interface EndOptions extends CallOptions {
  /** Why; the trail tells it. The issuer's settings may ask for it (`reason_required`). */
  reason?: string;
}

export type DeletedKey = Answered<Api['DeletedAnswer'], { object: 'api_key'; deleted: true }>;
export type DeletedKeys = Answered<Api['DeletedManyAnswer'], { object: 'api_key'; deleted: true }>;
