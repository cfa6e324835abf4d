// The module that a Medusa application registers as its API Key Module: `portcullis/medusa`.

import {
  defineJoinerConfig,
  MedusaServiceModelObjectsSymbol,
  model,
  Module,
  Modules,
} from '@medusajs/framework/utils';
import { elsewhere } from './medusa-database.js';
import { ApiKeyModuleService } from './medusa-service.js';
import { generateMigration, revertMigration, runMigrations } from './medusa-tables.js';

// For Medusa's graph and links alone: there is no such table. Those of medusa-tables.js are no models.
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
});

const { alias, ...rest } = defineJoinerConfig(Modules.API_KEY, {
  models: [ApiKey],
  linkableKeys: { publishable_key_id: 'ApiKey' },
});
// `__internal` would have other modules join a table in SQL.
const joinerConfig = { ...rest, alias: alias.map(({ __internal: _, ...kept }) => kept) };

ApiKeyModuleService.prototype.__joinerConfig = () => joinerConfig;
ApiKeyModuleService[MedusaServiceModelObjectsSymbol] = { ApiKey };

export default {
  ...Module(Modules.API_KEY, { service: ApiKeyModuleService, loaders: [elsewhere] }),
  runMigrations: (how) => runMigrations(how),
  revertMigration: (how) => revertMigration(how),
  generateMigration,
};
export { ApiKeyModuleService };
