/**
 * The API Key Module of a Medusa v2 application, over a Portcullis issuer.
 *
 * ```ts
 * // medusa-config.ts
 * modules: [
 *   {
 *     resolve: 'portcullis/medusa',
 *     options: {
 *       url: 'https://keys.example.com',
 *       adminKey: process.env.PORTCULLIS_ADMIN_KEY,
 *       root: process.env.PORTCULLIS_ROOT,
 *     },
 *   },
 * ]
 * ```
 *
 * The service keeps the interface of Medusa's own module; where the rules differ, docs/medusa.md says so.
 */

import type {
  ApiKeyDTO,
  BaseFilterable,
  Context,
  CreateApiKeyDTO,
  FilterableApiKeyProps,
  FindConfig,
  IApiKeyModuleService,
  MedusaContainer,
  ModuleExports,
  ModuleJoinerConfig,
  OperatorMap,
  RevokeApiKeyDTO,
  UpdateApiKeyDTO,
  UpsertApiKeyDTO,
} from '@medusajs/framework/types';

import type { Algorithm, Environment, Secret } from '../index.js';
import type { IssuerOptions } from './issuer.js';

/** The `options` of the module. All durations are milliseconds. */
export type PortcullisModuleOptions = Omit<IssuerOptions, 'url'> & {
  /** The issuer's address. */
  url: string;
  /**
   * `list`, unless told: a key is judged here, by the revocation list, and the issuer is asked only for
   * what the list can't tell. `online`: the issuer's records are asked about each secret key.
   */
  authenticate?: 'list' | 'online';
  /** The issuer's public root key. Needed with `list`. */
  root?: string;
  /**
   * The secrets of HMAC keys, of `portcullis keyring export --gate`. Without them such keys are judged
   * by the issuer; Ed25519 keys need none.
   */
  secrets?: Iterable<Secret>;
  /** The environment whose keys the shop makes, sees and accepts. `live` unless told. */
  environment?: Environment;
  /** The owner whose keys the shop makes, sees and accepts. All unless told. */
  owner?: number;
  /** That of new secret keys. The issuer's default, `hmac-sha256-128`, unless told. */
  algorithm?: Algorithm;
  /** How often the list is renewed behind the requests. 1,000 unless told. */
  refreshEvery?: number;
  /** Past this age of the list a request waits for one renewal. 5,000 unless told. */
  freshFor?: number;
  /** For how long it waits at most. 1,000 unless told. */
  deadline?: number;
  /** For how long a key's record (title, created by) is told without asking again. 300,000 unless told. */
  recordsFor?: number;
  /**
   * A key may be deleted without being revoked first as long as it is no older than this: so that
   * what a workflow made its compensation can take back. 3,600,000 unless told; 0 for never.
   */
  undoWithin?: number;
  /** Where the copy is kept that serves while the issuer is away: the shop's own database unless told. */
  database?: { clientUrl?: string; schema?: string; [setting: string]: unknown };
  /**
   * Keys that Medusa's own module made go on working until then, by its table in the shop's database. They are
   * outside of the revocation bound. Without it that table is never read. See docs/medusa-switching.md.
   */
  fallback?: Fallback;
};

/** For how long old keys go on working. */
export interface Fallback {
  /**
   * A `Date`, a day (`2027-03-31`, midnight UTC) or a time with a zone; no earlier than 2026, and at most two
   * years away when the application starts.
   */
  until: Date | string;
}

declare module '@medusajs/types' {
  interface ModuleOptions {
    'portcullis/medusa': PortcullisModuleOptions;
  }
}

/** A key to make: Medusa's fields, and two of the issuer's. */
export interface CreateKeyDTO extends CreateApiKeyDTO {
  /** From this instant on the key is refused. */
  expires_at?: Date | string | null;
  metadata?: Record<string, unknown>;
}

/** A key: Medusa's fields, and when it ends by itself. */
export interface KeyDTO extends ApiKeyDTO {
  /**
   * From this instant on the key is refused; null for a key without an end. Until then the key is a live one, and
   * its `revoked_at` is null; afterwards that is no later than this.
   */
  expires_at: Date | null;
}

/** What keys are looked for by. */
export interface FilterableKeyProps extends Omit<FilterableApiKeyProps, '$and' | '$or'>, BaseFilterable<FilterableKeyProps> {
  expires_at?: OperatorMap<Date | null>;
}

/** Whether the issuer can be reached, and as of when all is that the shop tells and judges without it. */
export interface IssuerStatus {
  /** Whether the last call of the issuer had an answer. */
  reached: boolean;
  /** Since when it is away; `null` when it is not. */
  awaySince: Date | null;
  /** When its keys were listed last for the copy in the shop's database; `null` without a copy. */
  keysAsOf: Date | null;
  /** Whether the copy has all of them. */
  keysAreAll: boolean | null;
  /** From this instant on every key is refused, unless a newer list comes; `null` without a list. */
  listUntil: Date | null;
}

/** The service that `container.resolve(Modules.API_KEY)` gives. */
export class ApiKeyModuleService implements IApiKeyModuleService {
  constructor(container: Record<string, unknown>, options: PortcullisModuleOptions);
  __joinerConfig(): ModuleJoinerConfig;

  createApiKeys(data: CreateKeyDTO[], sharedContext?: Context): Promise<KeyDTO[]>;
  createApiKeys(data: CreateKeyDTO, sharedContext?: Context): Promise<KeyDTO>;
  upsertApiKeys(data: UpsertApiKeyDTO[], sharedContext?: Context): Promise<KeyDTO[]>;
  upsertApiKeys(data: UpsertApiKeyDTO, sharedContext?: Context): Promise<KeyDTO>;
  updateApiKeys(id: string, data: UpdateApiKeyDTO, sharedContext?: Context): Promise<KeyDTO>;
  updateApiKeys(
    selector: FilterableKeyProps,
    data: UpdateApiKeyDTO,
    sharedContext?: Context,
  ): Promise<KeyDTO[]>;
  /** Deletes keys that are revoked, and those that are no older than `undoWithin`. */
  deleteApiKeys(ids: string | string[], sharedContext?: Context): Promise<void>;
  /** Revokes and deletes keys in one act, however old they are. For compensations. */
  undoCreateApiKeys(ids: string | string[], sharedContext?: Context): Promise<void>;
  /** Suspends keys and no longer lists them, until they are restored. */
  softDeleteApiKeys(
    ids: string | string[],
    config?: { returnLinkableKeys?: string[] },
    sharedContext?: Context,
  ): Promise<Record<string, string[]>>;
  restoreApiKeys(
    ids: string | string[],
    config?: { returnLinkableKeys?: string[] },
    sharedContext?: Context,
  ): Promise<Record<string, string[]>>;
  retrieveApiKey(id: string, config?: FindConfig<ApiKeyDTO>, sharedContext?: Context): Promise<KeyDTO>;
  listApiKeys(
    filters?: FilterableKeyProps,
    config?: FindConfig<ApiKeyDTO>,
    sharedContext?: Context,
  ): Promise<KeyDTO[]>;
  listAndCountApiKeys(
    filters?: FilterableKeyProps,
    config?: FindConfig<ApiKeyDTO>,
    sharedContext?: Context,
  ): Promise<[KeyDTO[], number]>;
  revoke(id: string, data: RevokeApiKeyDTO, sharedContext?: Context): Promise<KeyDTO>;
  revoke(
    selector: FilterableKeyProps,
    data: RevokeApiKeyDTO,
    sharedContext?: Context,
  ): Promise<KeyDTO[]>;
  /** The secret key that this text is, or `false`; never a reason. */
  authenticate(token: string, sharedContext?: Context): Promise<KeyDTO | false>;
  authenticate(token: string, sharedContext?: Context): Promise<ApiKeyDTO | false>;
  status(): Promise<IssuerStatus>;
}

declare const module_: ModuleExports<typeof ApiKeyModuleService> & {
  linkable: {
    apiKey: {
      id: Linkable<'api_key_id', 'id'>;
      publishable_key_id: Linkable<'publishable_key_id', 'publishable_key_id'>;
      toJSON(): Linkable<'api_key_id', 'id'>;
    };
  };
};

interface Linkable<Key extends string, Primary extends string> {
  linkable: Key;
  primaryKey: Primary;
  serviceName: 'api_key';
  field: 'apiKey';
  entity: 'ApiKey';
}

export default module_;
