// The module's tables, by Medusa's own commands, on a real PostgreSQL.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { client, medusa } from './shop.mjs';
import { database } from './support.mjs';

// Of each migration, the newest first.
const MADE = [['portcullis_replaced'], ['portcullis_api_key', 'portcullis_copy', 'portcullis_unanswered']];
const TABLES = [...MADE.flat(), 'portcullis_migration'].sort();
let url;
let sql;
before(async () => {
  url = await database('tables');
  sql = await client(url);
});

const tables = async () => {
  const { rows } = await sql("SELECT table_name FROM information_schema.tables WHERE table_name LIKE 'portcullis%' ORDER BY 1");
  return rows.map((row) => row.table_name);
};
const names = async () => (await sql('SELECT name FROM portcullis_migration ORDER BY name')).rows.map(({ name }) => name);

// As a job that has neither the issuer's address nor an admin key.
const command = (...args) =>
  medusa(args, { DATABASE_URL: url, PORTCULLIS_SECRETS: '[]', MEDUSA_DISABLE_TELEMETRY: 'true', NODE_ENV: 'production' });

test('`medusa db:migrate` makes them without the module\'s options, and once', async () => {
  for (const expected of [/● Migrating Portcullis/, /^(?![^]*● Migrating Portcullis)/]) {
    const { code, stdout, stderr } = await command('db:migrate', '--skip-scripts', '--skip-search');
    const told = (stdout + stderr).split('\n').filter((line) => /error|Portcullis/.test(line)).join('\n');
    assert.equal(code, 0, told);
    assert.match(told, expected);
    assert.deepEqual(await tables(), TABLES);
  }
});

test('`medusa db:rollback api_key` takes the last one back, each time', async () => {
  for (const [at] of MADE.entries()) {
    const { code, stdout, stderr } = await command('db:rollback', 'api_key');
    assert.equal(code, 0, stdout + stderr);
    assert.deepEqual(await tables(), [...MADE.slice(at + 1).flat(), 'portcullis_migration'].sort());
    assert.equal((await names()).length, MADE.length - at - 1);
  }
});
