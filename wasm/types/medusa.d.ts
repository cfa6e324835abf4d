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
 * The service keeps the interface of Medusa's own module; docs/medusa.md lists the differences in its rules.
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
   * `list`: keys are verified here, against the revocation list, and the issuer is called only if
   * the list is not enough. `online`: each secret key is verified by the issuer's records. Default:
   * `list`.
   */
  authenticate?: 'list' | 'online';
  /** The issuer's public root key. Required with `list`. */
  root?: string;
  /**
   * The secrets of HMAC keys, from `portcullis keyring export --gate`. Without them, the issuer
   * verifies such keys. Ed25519 keys need none.
   */
  secrets?: Iterable<Secret>;
  /** The environment whose keys the shop makes, sees and accepts. Default: `live`. */
  environment?: Environment;
  /** The owner whose keys the shop makes, sees and accepts. Default: all. */
  owner?: number;
  /** The algorithm of new secret keys. Default: the issuer's, `hmac-sha256-128`. */
  algorithm?: Algorithm;
  /** The interval at which the list is refreshed in the background. Default: 1,000. */
  refreshEvery?: number;
  /** Above this age of the list, a request waits for a refresh. Default: 5,000. */
  freshFor?: number;
  /** The longest time that a request waits for it. Default: 1,000. */
  deadline?: number;
  /** How long a key's record (title, created by) is used before it is fetched again. Default: 300,000. */
  recordsFor?: number;
  /**
   * The age up to which a key may be deleted without a revocation, so that the compensation of a
   * workflow can delete what the workflow made; 0 for never. Default: 3,600,000.
   */
  undoWithin?: number;
  /** The database of the copy that is used while the issuer is away. Default: the shop's own database. */
  database?: { clientUrl?: string; schema?: string; [setting: string]: unknown };
  /**
   * Keeps keys that Medusa's own module made working until a given time, by its table in the shop's
   * database. The bound on revocations does not cover them. Without this option that table is never
   * read. See docs/medusa-switching.md.
   */
  fallback?: Fallback;
};

/** How long old keys keep working. */
export interface Fallback {
  /**
   * A `Date`, a day (`2027-03-31`, midnight UTC) or a time with a zone. Not before 2026, and at
   * most two years after the application's start.
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
  /** From this instant on, the key is refused. */
  expires_at?: Date | string | null;
  metadata?: Record<string, unknown>;
}

/** A key: Medusa's fields, and its expiry. */
export interface KeyDTO extends ApiKeyDTO {
  /**
   * From this instant on, the key is refused; null if the key never expires. Until then the key is
   * live and its `revoked_at` is null; afterwards `revoked_at` is no later than this.
   */
  expires_at: Date | null;
}

/** Filters for keys. */
export interface FilterableKeyProps extends Omit<FilterableApiKeyProps, '$and' | '$or'>, BaseFilterable<FilterableKeyProps> {
  expires_at?: OperatorMap<Date | null>;
}

/** Whether the issuer can be reached, and how old the data is that the shop uses without it. */
export interface IssuerStatus {
  /** Whether the last call of the issuer got an answer. */
  reached: boolean;
  /** Since when the issuer is away; `null` if it is not. */
  awaySince: Date | null;
  /** When the issuer's keys were last listed for the copy in the shop's database; `null` without a copy. */
  keysAsOf: Date | null;
  /** Whether the copy has all keys. */
  keysAreAll: boolean | null;
  /** From this instant on, every key is refused until a newer list arrives; `null` without a list. */
  listUntil: Date | null;
}

/** The service that `container.resolve(Modules.API_KEY)` returns. */
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
  /** Deletes keys that are revoked, and keys that are no older than `undoWithin`. */
  deleteApiKeys(ids: string | string[], sharedContext?: Context): Promise<void>;
  /** Revokes and deletes keys in one act, however old they are. For compensations. */
  undoCreateApiKeys(ids: string | string[], sharedContext?: Context): Promise<void>;
  /** Suspends keys, and hides them from lists until they are restored. */
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
  /** The secret key with this text, or `false`; never a reason. */
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
