// The module's tables in the shop's own database: the migrations that create them, and how Medusa's
// commands run these.
//
// Nothing here reads the module's own options, because `db:migrate` runs without an admin key.

import { withDatabase } from './database.js';
import { REPLACED } from './old-tables.js';

// In the order in which they run. A released migration never changes; a change is a new migration
// at the end. `up` and `down` are SQL statements. Names follow Medusa's: a time and a subject.
export const MIGRATIONS = [
  {
    name: 'Portcullis20261130060000Copy',
    up: [
      // Data about the issuer as a whole. `scope` names the issuer, the environment and the owner.
      `CREATE TABLE portcullis_copy (
        scope text PRIMARY KEY,
        listed_at timestamptz,
        is_whole boolean NOT NULL DEFAULT false,
        bundle bytea,
        stamp bytea,
        keyring bigint,
        epoch bigint,
        number bigint,
        this_update bigint,
        next_update bigint,
        kept_at timestamptz
      )`,
      // The issuer's records of keys, without texts of secret keys. `place` orders keys of the same
      // second.
      `CREATE TABLE portcullis_api_key (
        scope text NOT NULL,
        id text NOT NULL,
        place bigserial,
        record jsonb,
        updated_at timestamptz,
        seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        gone_at timestamptz,
        PRIMARY KEY (scope, id)
      )`,
      'CREATE INDEX portcullis_api_key_changed ON portcullis_api_key (scope, changed_at)',
      // Creates whose answer was lost, with the idempotency key for a repetition.
      `CREATE TABLE portcullis_unanswered (
        scope text NOT NULL,
        request text NOT NULL,
        idempotency_key text NOT NULL,
        asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (scope, request, idempotency_key)
      )`,
    ],
    down: ['DROP TABLE portcullis_unanswered', 'DROP TABLE portcullis_api_key', 'DROP TABLE portcullis_copy'],
  },
  REPLACED,
];

// Serializes concurrent migrations. Medusa holds locks of its own at the same time.
const LOCK = "SELECT pg_advisory_xact_lock(hashtext('portcullis_migration'))";
const DONE = `CREATE TABLE IF NOT EXISTS portcullis_migration (
  name text PRIMARY KEY,
  executed_at timestamptz NOT NULL DEFAULT clock_timestamp()
)`;

// Runs the missing migrations in one transaction and returns their names.
export function runMigrations({ options, container, logger } = {}, migrations = MIGRATIONS) {
  return withDatabase(options, container, (knex) =>
    knex.transaction(async (run) => {
      const done = await executed(run);
      const made = migrations.filter(({ name }) => !done.has(name));
      for (const { name, up } of made) {
        logger?.info?.(`  ● Migrating ${name}`);
        for (const statement of up) await run.raw(statement);
        await run.raw('INSERT INTO portcullis_migration (name) VALUES (?)', [name]);
      }
      return made.map(({ name }) => ({ name }));
    }),
  );
}

// Reverts `migrationNames`; without it the last migration, as Medusa's own modules do.
export function revertMigration({ options, container, logger, migrationNames } = {}, migrations = MIGRATIONS) {
  return withDatabase(options, container, (knex) =>
    knex.transaction(async (run) => {
      const done = await executed(run);
      const there = migrations.filter(({ name }) => done.has(name)).toReversed();
      const named = migrationNames ?? there.slice(0, 1).map(({ name }) => name);
      for (const { name, down } of there.filter((one) => named.includes(one.name))) {
        logger?.info?.(`  ● Reverting ${name}`);
        for (const statement of down) await run.raw(statement);
        await run.raw('DELETE FROM portcullis_migration WHERE name = ?', [name]);
      }
    }),
  );
}

// There are no models to generate migrations from: the statements above are complete.
export async function generateMigration() {}

async function executed(run) {
  await run.raw(LOCK);
  await run.raw(DONE);
  const { rows } = await run.raw('SELECT name FROM portcullis_migration');
  return new Set(rows.map(({ name }) => name));
}
