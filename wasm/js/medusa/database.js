// The shop's own database, as Medusa passes it to its modules: one shared connection, or the
// module's option `database`.

import { ContainerRegistrationKeys, ModulesSdkUtils, Modules } from '@medusajs/framework/utils';
import { own } from '../shared/property.js';

const SHARED = Symbol.for('isSharedConnection');
// The value of the option `database` before `declareOtherDatabase` replaced it.
const GIVEN = Symbol.for('portcullis.database');

// Keys are in no table that other modules could join. This tells Medusa that they are in another
// database, so it filters and sorts by linked data itself instead of asking the module to do so in
// SQL.
export function declareOtherDatabase({ options }) {
  if (options === undefined) return;
  const database = { clientUrl: `${options.url}` };
  Object.defineProperty(database, GIVEN, { value: givenDatabase(options) });
  options.database = database;
}

// The existing connection: the one in the option `database`, or the shared one unless the options
// name another database; else undefined.
export function sharedConnection(container, options) {
  const database = givenDatabase(options);
  if (database?.connection !== undefined) return database.connection;
  const shared = options?.[SHARED] === true || database === undefined;
  return shared ? resolved(container, ContainerRegistrationKeys.PG_CONNECTION) : undefined;
}

// A connection of the module's own to the database that the options name; undefined if they name
// none.
export function ownConnection(options) {
  const database = givenDatabase(options);
  return database === undefined ? undefined : connected(database);
}

function connected(database) {
  const settings = ModulesSdkUtils.loadDatabaseConfig(Modules.API_KEY, { database }, true);
  return settings.clientUrl ? ModulesSdkUtils.createPgConnection({ ...database, ...settings }) : undefined;
}

// Calls `work` with the database connection, and closes the connection if it was opened for this
// call.
export async function withDatabase(options, container, work) {
  const shared = sharedConnection(container, options);
  if (shared !== undefined) return work(shared);
  // Without a database in the options, use that of the environment, as Medusa's own modules do.
  const knex = connected(givenDatabase(options));
  if (knex === undefined) throw new Error('portcullis/medusa: there is no database to migrate: set projectConfig.databaseUrl');
  try {
    return await work(knex);
  } finally {
    await knex.destroy();
  }
}

// The container's entry of this name, or undefined. The container is awilix's own, or a proxy of
// one, which throws on access to a name that it doesn't have.
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
