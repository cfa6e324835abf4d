import type { Algorithm, Environment, Kind } from '../index.js';
import type { CallOptions, Carried, Committed, ListMark, Pages, Wait } from './issuer-call.js';
import type { Answered, Api, Sent } from './issuer-shape.js';

/**
 * `scheduled` keys are accepted until their revocation takes effect. Of the other states, only
 * `active` keys are accepted.
 */
export type KeyState = 'active' | 'scheduled' | 'suspended' | 'revoked' | 'expired';

/**
 * An admin key grants access to the issuer's API, and is refused by every gate. A canary is accepted nowhere, and its
 * use is an alarm.
 */
export type Purpose = 'token' | 'admin' | 'canary';

/** Free data that you store with a key or an owner. */
export type Metadata = Record<string, unknown>;

/** The issuer's record of a key. */
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

/** A key to make. Without an expiry, the default of the settings applies, or the key never expires. */
export type NewKey = Sent<
  Api['CreateKeyBody'],
  { kind?: Kind; environment?: Environment; algorithm?: Algorithm; metadata?: Metadata }
>;

/** A key that was made. For a secret key, this is the only time that its text, `token`, is returned. */
export type Minted = Answered<Api['CreatedAnswer'], { key: KeyRecord }>;

/** The changes to a key. Fields that are left out stay. `null` removes a member of the metadata. */
export type KeyChange = Sent<Api['UpdateKeyBody'], { metadata?: Metadata }>;

/** A key to make, or with an `id` a key to change. */
export type UpsertKey = NewKey | (KeyChange & { id: string });

/** The filter and order of a list. */
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

/** Selects keys by their properties. `id` holds ids separated by commas. */
export type KeyCriteria = Omit<KeyFilter, 'id' | 'order' | 'limit' | 'cursor' | 'count'> & { id?: string };

/** When the revocation takes effect, and in whose name. Without `in_seconds` and `at`: now. */
export type Revocation = Sent<Api['RevokeBody'], { if_revoked?: 'refuse' | 'skip' }> & Wait;

/**
 * The effect that an act would have: how many keys it ends, and how many admin keys that can make
 * others remain.
 */
export type DryRun = Answered<Api['DryRunAnswer'], { dry_run: true; keys: KeyRecord[] }, 'keys'>;

/** A key that replaces another one. Fields that are left out stay as they were. */
export type Roll = Sent<Api['RollBody'], { algorithm?: Algorithm }>;

/** What a key must satisfy to be accepted. */
export interface VerifyOptions extends CallOptions {
  kind?: Kind;
  environment?: Environment;
}

/** The verdict by the issuer's records, which are ahead of every list. */
export type Authenticated = { ok: true; key: KeyRecord } | { ok: false; code: string; message: string };

/** The verdict that a gate would give. */
export type IssuerVerdict =
  | { ok: true; key: AcceptedKey; list: ListMark }
  | { ok: false; code: string; message: string; list: ListMark | null };

/** A key that a gate would accept. */
export type AcceptedKey = Answered<
  Api['AcceptedView'],
  { kind: Kind; environment: Environment; algorithm: Algorithm }
>;

/** The result for one line of an import. */
export type ImportedLine = Answered<
  Api['LineView'],
  { status: 'made' | 'before' | 'deleted' | 'bad' },
  'external_id' | 'id' | 'token' | 'error'
>;

/** `/v1/keys`. */
export interface Keys {
  /**
   * Makes a key, or up to 1,000 keys, all or none. If it is repeated under the same idempotency key,
   * the issuer returns the key that it made before. Without an `idempotencyKey`, each call generates
   * its own.
   */
  create(body: NewKey, options?: CreateOptions): Promise<Minted>;
  create(bodies: NewKey[], options?: CreateOptions): Promise<Minted[]>;
  list(filter?: KeyFilter, options?: CallOptions): Pages<KeyRecord>;
  get(id: string, options?: CallOptions): Promise<KeyRecord>;
  /** Published if sales channels change. */
  update(id: string, body: KeyChange, options?: CallOptions): Promise<KeyRecord & Partial<Committed>>;
  /** Makes the keys without `id` and changes the others, all or none. */
  upsert(
    bodies: UpsertKey | UpsertKey[],
    options?: CallOptions,
  ): Promise<{ created: Minted[]; updated: KeyRecord[] }>;
  /** A revocation never moves later: 409 `already_revoked` or `revocation_not_earlier`. */
  revoke(id: string, body?: Revocation, options?: CallOptions): Promise<KeyRecord & Carried>;
  /** Returns which keys would be revoked, and changes nothing. */
  revokeMany(
    body: { dry_run: true } & Revocation & ({ ids: string[] } | { where: KeyCriteria }),
    options?: CallOptions,
  ): Promise<DryRun>;
  /**
   * Revokes all keys in `ids` or none, or all keys that match `where`. With `if_revoked: 'skip'`,
   * keys that are already revoked are skipped. `confirm` is the count that a dry run returned.
   */
  revokeMany(
    body: { dry_run?: false; confirm?: number } & Revocation & ({ ids: string[] } | { where: KeyCriteria }),
    options?: CallOptions,
  ): Promise<{ count: number; keys: KeyRecord[]; skipped?: string[] } & Carried>;
  suspend(id: string, body?: Sent<Api['ByBody']>, options?: CallOptions): Promise<KeyRecord & Committed>;
  resume(id: string, body?: Sent<Api['ByBody']>, options?: CallOptions): Promise<KeyRecord & Committed>;
  /** Makes a key that replaces this one, which is revoked when the overlap is over. */
  roll(id: string, body?: Roll, options?: CreateOptions): Promise<Minted & { rolled: KeyRecord } & Committed>;
  changeSalesChannels(
    id: string,
    body: { add?: string[]; remove?: string[] },
    options?: CallOptions,
  ): Promise<KeyRecord & Partial<Committed>>;
  /** Deletes the record of a revoked key. The list still refuses the key. */
  delete(id: string, options?: EndOptions): Promise<DeletedKey>;
  deleteMany(ids: string[], options?: EndOptions): Promise<DeletedKeys>;
  /** Reverses a create: revokes and deletes the key in one act. For compensations. */
  undo(id: string, options?: EndOptions): Promise<DeletedKey & Committed>;
  undoMany(ids: string[], options?: EndOptions): Promise<DeletedKeys & Committed>;
  /** Verifies a key by the issuer's records, which are ahead of every list. Default `kind`: `secret`. */
  authenticate(token: string, options?: VerifyOptions): Promise<Authenticated>;
  /** Imports records of another system, as JSON lines or CSV. */
  import(
    text: string,
    options?: CallOptions & { type?: 'application/x-ndjson' | 'text/csv' },
  ): Promise<ImportedLine[]>;
}

export interface CreateOptions extends CallOptions {
  /** 1 to 255 visible ASCII characters. The issuer remembers it for a day. */
  idempotencyKey?: string;
}

/** Options of deleting and undoing. */
export interface EndOptions extends CallOptions {
  /** The reason, for the audit trail. The issuer's settings may require one (`reason_required`). */
  reason?: string;
}

export type DeletedKey = Answered<Api['DeletedAnswer'], { object: 'api_key'; deleted: true }>;
export type DeletedKeys = Answered<Api['DeletedManyAnswer'], { object: 'api_key'; deleted: true }>;
