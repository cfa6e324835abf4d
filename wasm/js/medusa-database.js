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

// The connection that is there already: that of the option `database`, or the one that all modules share unless the options
// name another database; undefined for none.
export function sharedConnection(container, options) {
  const database = givenDatabase(options);
  if (database?.connection !== undefined) return database.connection;
  const shared = options?.[SHARED] === true || database === undefined;
  return shared ? resolved(container, ContainerRegistrationKeys.PG_CONNECTION) : undefined;
}

// A connection of the module's own, to the database that the options name; undefined when they name none.
export function ownConnection(options) {
  const database = givenDatabase(options);
  return database === undefined ? undefined : connected(database);
}

function connected(database) {
  const settings = ModulesSdkUtils.loadDatabaseConfig(Modules.API_KEY, { database }, true);
  return settings.clientUrl ? ModulesSdkUtils.createPgConnection({ ...database, ...settings }) : undefined;
}

// Gives `act` the database, and ends a connection that was made for it.
export async function withDatabase(options, container, act) {
  const shared = sharedConnection(container, options);
  if (shared !== undefined) return act(shared);
  // As Medusa's own modules the environment's, when the options name none.
  const knex = connected(givenDatabase(options));
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
