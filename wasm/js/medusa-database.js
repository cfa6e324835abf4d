// The shop's own database, as Medusa hands it to its modules: one connection that all share, or the module's option
// `database`.

import { ContainerRegistrationKeys, ModulesSdkUtils, Modules } from '@medusajs/framework/utils';
import { own } from './property.js';

const SHARED = Symbol.for('isSharedConnection');
// What the option `database` was before `elsewhere` wrote to it.
const GIVEN = Symbol.for('portcullis.database');

// Keys are in no table that other modules could join. Told that they are in another database, Medusa filters and
// sorts by what is linked to them on its own, where else it would have the module do it in SQL.
export function elsewhere({ options }) {
  if (options === undefined) return;
  const database = { clientUrl: `${options.url}` };
  Object.defineProperty(database, GIVEN, { value: givenDatabase(options) });
  options.database = database;
}

// The shared connection where there is one and the options name no other; undefined for none.
export function sharedConnection(container, options) {
  const shared = options?.[SHARED] === true || options?.database === undefined;
  return shared ? resolved(container, ContainerRegistrationKeys.PG_CONNECTION) : undefined;
}

// A connection of the module's own, for the option `database`; undefined where it says nothing.
export function ownConnection(options) {
  const database = givenDatabase(options);
  const settings = ModulesSdkUtils.loadDatabaseConfig(Modules.API_KEY, { database }, true);
  if (!settings.clientUrl) return undefined;
  return ModulesSdkUtils.createPgConnection({ ...database, ...settings });
}

// Gives `act` the database, and ends a connection that was made for it.
export async function withDatabase(options, container, act) {
  const shared = sharedConnection(container, options);
  if (shared !== undefined) return act(shared);
  const knex = ownConnection(options);
  if (knex === undefined) throw new Error('portcullis/medusa: there is no database to migrate: set projectConfig.databaseUrl');
  try {
    return await act(knex);
  } finally {
    await knex.destroy();
  }
}

// What a container has by this name: awilix's own, which is asked, or the proxy of one, which throws when it is asked for
// what it does not have.
export function resolved(container, name) {
  const names = Object.keys(container ?? {});
  if (names.includes(name)) return container[name] ?? undefined;
  if (!names.includes('hasRegistration')) return undefined;
  return container.resolve(name, { allowUnregistered: true }) ?? undefined;
}

function givenDatabase(options) {
  const { database } = own(options);
  return database?.[GIVEN] ?? database;
}
