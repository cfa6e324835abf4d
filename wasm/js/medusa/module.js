// The module that a Medusa application registers as its API Key Module: `portcullis/medusa`.

import {
  defineJoinerConfig,
  MedusaContext,
  MedusaServiceModelObjectsSymbol,
  model,
  Module,
  Modules,
} from '@medusajs/framework/utils';
import { declareOtherDatabase } from './database.js';
import { refuseLabelled } from './labels.js';
import { ApiKeyModuleService } from './service.js';
import { generateMigration, revertMigration, runMigrations } from './migrations.js';

// Only for Medusa's graph and links: this table doesn't exist. The tables in medusa/migrations.js
// are no models.
const ApiKey = model.define('ApiKey', {
  id: model.id({ prefix: 'apk' }).primaryKey(),
  token: model.text(),
  redacted: model.text().searchable(),
  title: model.text().searchable(),
  type: model.enum(['publishable', 'secret']),
  last_used_at: model.dateTime().nullable(),
  created_by: model.text(),
  revoked_by: model.text().nullable(),
  revoked_at: model.dateTime().nullable(),
  expires_at: model.dateTime().nullable(),
});

const { alias, ...rest } = defineJoinerConfig(Modules.API_KEY, {
  models: [ApiKey],
  linkableKeys: { publishable_key_id: 'ApiKey' },
});
// With `__internal`, other modules would join a table in SQL.
const joinerConfig = { ...rest, alias: alias.map(({ __internal: _, ...kept }) => kept) };

ApiKeyModuleService.prototype.__joinerConfig = () => joinerConfig;
ApiKeyModuleService[MedusaServiceModelObjectsSymbol] = { ApiKey };

// The position of each method's context argument. Medusa passes a workflow's context there, with
// the event group that it releases when the workflow ends and drops when the workflow fails.
const CONTEXT_AT = {
  createApiKeys: 1,
  upsertApiKeys: 1,
  updateApiKeys: 2,
  retrieveApiKey: 2,
  listApiKeys: 2,
  listAndCountApiKeys: 2,
  revoke: 2,
  deleteApiKeys: 1,
  undoCreateApiKeys: 1,
  softDeleteApiKeys: 2,
  restoreApiKeys: 2,
  authenticate: 1,
};
for (const [method, at] of Object.entries(CONTEXT_AT)) {
  MedusaContext()(ApiKeyModuleService.prototype, method, at);
}

export default {
  ...Module(Modules.API_KEY, { service: ApiKeyModuleService, loaders: [declareOtherDatabase, refuseLabelled] }),
  runMigrations: (how) => runMigrations(how),
  revertMigration: (how) => revertMigration(how),
  generateMigration,
};
export { ApiKeyModuleService };
