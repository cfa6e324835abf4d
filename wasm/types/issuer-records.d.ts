import type { Algorithm, Environment, Kind } from '../index.js';
import type { CallOptions, Carried, Committed, Pages, Target, Wait } from './issuer-call.js';
import type { DryRun, Metadata, Minted } from './issuer-keys.js';
import type { Answered, Api, Sent } from './issuer-shape.js';

/** A tenant. Keys carry its number. */
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

/** Which keys a policy is for: `public` for publishable keys, `private` for secret keys. */
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
export type BulkRevocation = Answered<
  Api['BulkView'],
  { state: 'revoked' | 'suspended'; environment: Environment; serials: [number, number] },
  'owner' | 'kid' | 'environment' | 'serials'
>;

/** `/v1/bulk-revocations`. */
export interface BulkRevocations {
  /** Returns how many keys it would end, and changes nothing. */
  create(
    body: Sent<
      Api['BulkRevocationBody'],
      { state?: 'revoked' | 'suspended'; environment?: Environment; dry_run: true }
    >,
    options?: CallOptions,
  ): Promise<DryRun>;
  /** Revokes or suspends the keys of one owner, signer or environment; all keys if none is named. */
  create(
    body: Wait &
      Sent<
        Api['BulkRevocationBody'],
        { state?: 'revoked' | 'suspended'; environment?: Environment; dry_run?: false }
      >,
    options?: CallOptions,
  ): Promise<BulkRevocation & Carried>;
  list(options?: CallOptions): Promise<BulkRevocation[]>;
  /** Lifts a suspension. */
  lift(id: number, options?: CallOptions & Wait): Promise<BulkRevocation & Carried>;
}

/** The published Token Status Lists, if the issuer publishes such lists. */
export type StatusLists = Answered<
  Api['StatusListsView'],
  { lists: (Omit<Answered<Api['StatusListView']>, 'bits'> & { bits: 1 | 2 })[] }
>;

/** The published list. */
export type PublishedList = Answered<
  Api['ListAnswer'],
  { shards: Answered<Api['ShardView']>[]; targets: Target[]; status_lists: StatusLists },
  'status_lists'
>;

/** `/v1/admins`. */
export interface Admins {
  /** Makes an admin key with some of the caller's scopes. */
  create(body: Sent<Api['CreateAdminBody']>, options?: CallOptions): Promise<Minted>;
}

/** `/v1/usage`. */
export interface Usage {
  /** Reports how often keys were used since the last report: at most 1,000 keys. */
  report(
    uses: Sent<Api['UseBody']>[],
    options?: CallOptions,
  ): Promise<Answered<Api['UsageAnswer']>>;
}

/** What the issuer requires of its keys. */
export type IssuerSettings = Answered<
  Api['SettingsView'],
  { secret: KindSettings; publishable: KindSettings; admin: KindSettings }
>;

/** What the issuer requires of keys of one kind. */
export type KindSettings = Answered<Api['KindSettings']>;

/** The changes. Settings that are left out stay; `null` removes a setting. */
export type SettingsChange = Sent<
  Api['SettingsBody'],
  { secret?: KindSettingsChange; publishable?: KindSettingsChange; admin?: KindSettingsChange }
>;

export type KindSettingsChange = Sent<
  Api['KindSettingsBody'],
  {
    max_lifetime_seconds?: number | null;
    default_lifetime_seconds?: number | null;
    idle_days?: number | null;
  }
>;

/** The settings after a change, and their effect on existing keys. */
export type SettingsChanged = IssuerSettings &
  Answered<
    Pick<Api['SettingsChangedView'], 'dry_run' | 'before' | 'effects'>,
    {
      before: Answered<Api['Settings'], { secret: KindSettings; publishable: KindSettings; admin: KindSettings }>;
      effects: Answered<Api['Effect'], { kind: 'secret' | 'publishable' | 'admin' }, 'idle_waits'>[];
    },
    'dry_run'
  >;

/** `/v1/settings`. */
export interface Settings {
  show(options?: CallOptions): Promise<IssuerSettings>;
  /** Takes effect on every server at once. Existing keys stay as they are. */
  change(body: SettingsChange, options?: CallOptions): Promise<SettingsChanged>;
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

/** The labels of the newest keyring. */
export type Labels = Answered<Api['LabelsView']>;
