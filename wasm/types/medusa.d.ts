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
  Context,
  CreateApiKeyDTO,
  FilterableApiKeyProps,
  FindConfig,
  IApiKeyModuleService,
  MedusaContainer,
  ModuleExports,
  ModuleJoinerConfig,
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
};

declare module '@medusajs/types' {
  interface ModuleOptions {
    'portcullis/medusa': PortcullisModuleOptions;
  }
}

/** A key to make: Medusa's fields, and two of the issuer's. */
export interface CreateKeyDTO extends CreateApiKeyDTO {
  /** From this instant on the key is refused, and has it as its `revoked_at`. */
  expires_at?: Date | string | null;
  metadata?: Record<string, unknown>;
}

/** The service that `container.resolve(Modules.API_KEY)` gives. */
export class ApiKeyModuleService implements IApiKeyModuleService {
  constructor(container: Record<string, unknown>, options: PortcullisModuleOptions);
  __joinerConfig(): ModuleJoinerConfig;

  createApiKeys(data: CreateKeyDTO[], sharedContext?: Context): Promise<ApiKeyDTO[]>;
  createApiKeys(data: CreateKeyDTO, sharedContext?: Context): Promise<ApiKeyDTO>;
  upsertApiKeys(data: UpsertApiKeyDTO[], sharedContext?: Context): Promise<ApiKeyDTO[]>;
  upsertApiKeys(data: UpsertApiKeyDTO, sharedContext?: Context): Promise<ApiKeyDTO>;
  updateApiKeys(id: string, data: UpdateApiKeyDTO, sharedContext?: Context): Promise<ApiKeyDTO>;
  updateApiKeys(
    selector: FilterableApiKeyProps,
    data: UpdateApiKeyDTO,
    sharedContext?: Context,
  ): Promise<ApiKeyDTO[]>;
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
  retrieveApiKey(id: string, config?: FindConfig<ApiKeyDTO>, sharedContext?: Context): Promise<ApiKeyDTO>;
  listApiKeys(
    filters?: FilterableApiKeyProps,
    config?: FindConfig<ApiKeyDTO>,
    sharedContext?: Context,
  ): Promise<ApiKeyDTO[]>;
  listAndCountApiKeys(
    filters?: FilterableApiKeyProps,
    config?: FindConfig<ApiKeyDTO>,
    sharedContext?: Context,
  ): Promise<[ApiKeyDTO[], number]>;
  revoke(id: string, data: RevokeApiKeyDTO, sharedContext?: Context): Promise<ApiKeyDTO>;
  revoke(
    selector: FilterableApiKeyProps,
    data: RevokeApiKeyDTO,
    sharedContext?: Context,
  ): Promise<ApiKeyDTO[]>;
  /** The secret key that this text is, or `false`; never a reason. */
  authenticate(token: string, sharedContext?: Context): Promise<ApiKeyDTO | false>;
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
