// The database of a shop that runs Medusa's own API Key Module, without the rest of the application.

import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import { atEnd, run } from '../e2e/support/processes.mjs';
import { database } from './support.mjs';

const require = createRequire(import.meta.url);
const { MedusaApp } = require('@medusajs/framework/modules-sdk');
const { Modules } = require('@medusajs/framework/utils');

const COMMAND = fileURLToPath(new URL('node_modules/portcullis/js/medusa/cli/main.js', import.meta.url));
const FOLDER = fileURLToPath(new URL('.', import.meta.url));
// Medusa looks for modules from here.
process.chdir(FOLDER);
// As Medusa's link module makes it.
const LINKS = `create table publishable_api_key_sales_channel (
  publishable_key_id varchar(255) not null, sales_channel_id varchar(255) not null, id varchar(255) not null,
  created_at timestamptz(0) not null default current_timestamp, updated_at timestamptz(0) not null default current_timestamp,
  deleted_at timestamptz(0) null, primary key (publishable_key_id, sales_channel_id))`;

/** Medusa's own module on a database of its own, and a connection as Medusa shares it with modules. */
export async function oldShop(name) {
  const url = await database(name);
  const app = await MedusaApp({
    modulesConfig: { [Modules.API_KEY]: { resolve: '@medusajs/api-key' } },
    sharedResourcesConfig: { database: { clientUrl: url, driverOptions: { connection: { ssl: false } } } },
  });
  await app.runMigrations();
  const knex = app.sharedContainer.resolve('__pg_connection__');
  atEnd(() => knex.context.destroy());
  await knex.raw(LINKS);
  const rows = async (sql, values = []) => (await knex.raw(sql, values)).rows;
  const link = (key, channel) =>
    rows('insert into publishable_api_key_sales_channel (publishable_key_id, sales_channel_id, id) values (?, ?, ?)', [key, channel, `pksc_${key}${channel}`]);
  return { url, medusa: app.modules[Modules.API_KEY], knex, rows, link };
}

const environment = ({ url, issuer, env = {} }) => ({
  DATABASE_URL: url,
  PORTCULLIS_URL: issuer.options.url,
  PORTCULLIS_ADMIN_KEY: issuer.options.adminKey,
  ...env,
});

/** Types `portcullis-medusa …` in the shop's folder. */
export function command(args, how) {
  return run(process.execPath, [COMMAND, ...args], { env: environment(how), cwd: how.cwd ?? FOLDER });
}

/** The same, killed as soon as `when` says so. Gives whether it was. */
export async function killed(args, how, when) {
  const child = spawn(process.execPath, [COMMAND, ...args], { env: { ...process.env, ...environment(how) }, cwd: FOLDER, stdio: 'ignore' });
  let goesOn = true;
  const ended = new Promise((resolve) => child.on('close', (_, signal) => resolve(signal === 'SIGKILL'))).finally(() => (goesOn = false));
  while (goesOn && !(await when())) await new Promise((resolve) => setTimeout(resolve, 2));
  child.kill('SIGKILL');
  return ended;
}
