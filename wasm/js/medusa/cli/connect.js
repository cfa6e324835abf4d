// The command's two connections: to the shop's database, with the PostgreSQL client that Medusa
// installs, and to the issuer.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { UserError } from './user-error.js';
import { REPLACED } from '../old-tables.js';
import { createIssuer } from '../../issuer/client.js';

// Packages of Medusa that depend on `pg`, tried if the shop's own folder has none.
const BY_WAY_OF = ['@medusajs/framework', '@medusajs/deps', '@medusajs/medusa', '@mikro-orm/postgresql', '@mikro-orm/knex'];
const LOCK = "select pg_try_advisory_lock(hashtext('portcullis-medusa')) as free";

export function issuerOf({ PORTCULLIS_URL: url, PORTCULLIS_ADMIN_KEY: adminKey }) {
  if (!url) throw new UserError("PORTCULLIS_URL is not set: the issuer's address");
  if (!adminKey) throw new UserError('PORTCULLIS_ADMIN_KEY is not set: an admin key with keys:read, keys:write and keys:revoke');
  return createIssuer({ url, adminKey });
}

export async function connect(given, env, folder = process.cwd()) {
  const url = given ?? env.DATABASE_URL;
  if (!url) throw new UserError("DATABASE_URL is not set: the shop's database, as Medusa has it");
  checkUrl(url, given !== undefined);
  const { Client } = postgres(folder);
  const client = new Client({ connectionString: url, application_name: 'portcullis-medusa' });
  // If the connection breaks between two statements, the next one reports it.
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    throw new UserError(`The shop's database can't be reached: ${error.message || error.code}`, 1);
  }
  const query = async (sql, values = []) => (await client.query(numbered(sql), values)).rows;
  const shop = { query, transaction: (work) => transaction(query, work), end: () => client.end() };
  try {
    const [{ there }] = await query("select to_regclass('api_key') is not null as there");
    if (!there) throw new UserError("The database has no table api_key: is it the shop's? For another schema than public add ?options=-csearch_path%3Dname to the URL", 1);
    return shop;
  } catch (error) {
    await client.end();
    throw error;
  }
}

// Takes the lock that lets only one command run at a time, and creates the command's table.
export async function prepare({ query }) {
  const [{ free }] = await query(LOCK);
  if (!free) throw new UserError('Another portcullis-medusa is at work in this database; wait for it', 1);
  for (const statement of REPLACED.up) await query(statement);
}

export const hasTable = async ({ query }) =>
  (await query("select to_regclass('portcullis_replaced') is not null as there"))[0].there;

function checkUrl(url, isArgument) {
  let parsed;
  try {
    parsed = new URL(url);
  } catch {
    throw new UserError('The address of the database is no URL, such as postgres://user@host/shop');
  }
  if (!/^postgres(ql)?:$/.test(parsed.protocol)) throw new UserError('The address of the database begins with postgres://');
  if (isArgument && (parsed.password !== '' || parsed.searchParams.has('password'))) {
    throw new UserError('--database has a password in it, which every user of this machine can read in the list of processes; set DATABASE_URL, or PGPASSWORD');
  }
}

function postgres(folder) {
  const here = createRequire(join(folder, 'package.json'));
  const ways = [() => here];
  for (const name of BY_WAY_OF) ways.push(() => createRequire(here.resolve(`${name}/package.json`)), () => createRequire(here.resolve(name)));
  for (const way of ways) {
    try {
      return way()('pg');
    } catch (error) {
      if (error.code !== 'MODULE_NOT_FOUND' && error.code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') throw error;
    }
  }
  throw new UserError('The package `pg` was not found: run this in the folder of the shop, where Medusa is installed, or install pg there', 1);
}

async function transaction(query, work) {
  await query('begin');
  try {
    const result = await work();
    await query('commit');
    return result;
  } catch (error) {
    await query('rollback').catch(() => {});
    throw error;
  }
}

const numbered = (sql) => {
  let at = 0;
  return sql.replaceAll('?', () => `$${(at += 1)}`);
};
