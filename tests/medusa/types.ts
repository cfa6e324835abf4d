// Compiled, never run: the module's types beside Medusa's own.

import type { ApiKeyDTO, IApiKeyModuleService } from '@medusajs/framework/types';
import { defineConfig } from '@medusajs/framework/utils';
import portcullis, { ApiKeyModuleService, type PortcullisModuleOptions } from 'portcullis/medusa';

const options: PortcullisModuleOptions = {
  url: 'https://keys.example.com',
  adminKey: 'key',
  root: 'root',
  secrets: [{ kid: 1, secret: 'secret' }],
  authenticate: 'list',
  owner: 7,
  fallback: { until: new Date() },
};
export const config = defineConfig({ modules: [{ resolve: 'portcullis/medusa', options }] });

// @ts-expect-error: the address is needed
export const lacking: PortcullisModuleOptions = { adminKey: 'key' };

// @ts-expect-error: a fallback has an end
export const endless: PortcullisModuleOptions = { ...options, fallback: {} };

export async function use(service: ApiKeyModuleService): Promise<ApiKeyDTO | false> {
  const interchangeable: IApiKeyModuleService = service;
  const key = await interchangeable.createApiKeys({ title: 'a', type: 'secret', created_by: 'u' });
  const keys: ApiKeyDTO[] = await service.createApiKeys([{ title: 'a', type: 'secret', created_by: 'u', expires_at: new Date() }]);
  const [{ expires_at }] = await service.listApiKeys({ expires_at: { $lt: new Date() }, $or: [{ title: 'a' }] });
  endOf(expires_at);
  await service.undoCreateApiKeys(keys.map(({ id }) => id));
  // @ts-expect-error: a type is one of two
  await service.createApiKeys({ title: 'a', type: 'admin', created_by: 'u' });
  return service.authenticate(key.token);
}

function endOf(end: Date | null): number | undefined {
  return end?.getTime();
}

export const linked: 'api_key_id' = portcullis.linkable.apiKey.id.linkable;
