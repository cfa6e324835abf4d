// The module's tables in the shop's own database: which migrations make them, and how Medusa's commands run these.
//
// Nothing here reads the module's options of its own: `db:migrate` runs where there is no admin key.

import { withDatabase } from './medusa-database.js';
import { REPLACED } from './medusa-old.js';

// In the order in which they are made. What has been released stays as it is: a change is a migration of its own at
// the end. `up` and `down` are statements of SQL. Names are those of Medusa's migrations: a moment and a subject.
export const MIGRATIONS = [
  {
    name: 'Portcullis20261130060000Copy',
    up: [
      // What is known of the issuer as a whole. `scope` names the issuer, the environment and the owner.
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
      // The issuer's records of keys. No text of a secret key is in them. `place` orders keys of one second.
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
      // Creates whose answer was lost: under which idempotency key they are asked for again.
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

// Of all processes that migrate at a time one goes on. Medusa holds locks of its own meanwhile.
const LOCK = "SELECT pg_advisory_xact_lock(hashtext('portcullis_migration'))";
const DONE = `CREATE TABLE IF NOT EXISTS portcullis_migration (
  name text PRIMARY KEY,
  executed_at timestamptz NOT NULL DEFAULT clock_timestamp()
)`;

// Makes what is not there yet, and gives the names of what it made: all of it or, when one fails, nothing.
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

// Takes back `migrationNames`, or as Medusa's own modules do the last one.
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

// There is nothing to generate from: the statements above are all.
export async function generateMigration() {}

async function executed(run) {
  await run.raw(LOCK);
  await run.raw(DONE);
  const { rows } = await run.raw('SELECT name FROM portcullis_migration');
  return new Set(rows.map(({ name }) => name));
}
