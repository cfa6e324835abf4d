// The module that a Medusa application registers as its API Key Module: `portcullis/medusa`.

import {
  defineJoinerConfig,
  MedusaContext,
  MedusaServiceModelObjectsSymbol,
  model,
  Module,
  Modules,
} from '@medusajs/framework/utils';
import { refuseLabelled } from './medusa-labels.js';
import { ApiKeyModuleService } from './medusa-service.js';

// For Medusa's graph and links alone: there is no such table.
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
// `__internal` would have other modules join a table in SQL.
const joinerConfig = { ...rest, alias: alias.map(({ __internal: _, ...kept }) => kept) };

ApiKeyModuleService.prototype.__joinerConfig = () => joinerConfig;
ApiKeyModuleService[MedusaServiceModelObjectsSymbol] = { ApiKey };

// Which argument of a method is the context. Medusa gives a workflow's own there, and with it the group of
// events that it releases when the workflow has ended and drops when the workflow has failed.
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

// Keys are in no database of the application's. Told so, Medusa filters and sorts by what is linked to
// them on its own, where else it would have the module do it in SQL.
function elsewhere({ options }) {
  if (options !== undefined) options.database = { clientUrl: `${options.url}` };
}

// There are no tables to make.
const nothing = async () => [];

export default {
  ...Module(Modules.API_KEY, { service: ApiKeyModuleService, loaders: [elsewhere, refuseLabelled] }),
  runMigrations: nothing,
  revertMigration: nothing,
  generateMigration: nothing,
};
export { ApiKeyModuleService };
