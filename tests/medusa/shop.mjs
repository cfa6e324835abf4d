// Shops in processes of their own, by Medusa's own commands.

import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

import { atEnd, run, start } from '../e2e/support/processes.mjs';
import { database } from './support.mjs';

const require = createRequire(import.meta.url);
const MEDUSA = fileURLToPath(new URL('node_modules/.bin/medusa', import.meta.url));
const folder = fileURLToPath(new URL('app/', import.meta.url));

/** What asks the database at `url`. */
export async function client(url) {
  const { Client } = require('pg');
  const made = new Client({ connectionString: url });
  await made.connect();
  atEnd(() => made.end());
  return (text, values) => made.query(text, values);
}

/** What the application of the folder `app` is told by its environment. */
export function environment(url, options) {
  return {
    DATABASE_URL: url,
    PORTCULLIS_URL: options.url,
    PORTCULLIS_ADMIN_KEY: options.adminKey,
    PORTCULLIS_ROOT: options.root,
    PORTCULLIS_SECRETS: JSON.stringify(options.secrets),
    MEDUSA_DISABLE_TELEMETRY: 'true',
    LOG_LEVEL: 'info',
    NODE_ENV: 'production',
  };
}

/** One of Medusa's commands, to its end. */
export const medusa = (args, env) => run(process.execPath, [MEDUSA, ...args], { cwd: folder, env });

/** A database in which `medusa db:migrate` has made its tables, as a URL. */
export async function migrated(name) {
  const url = await database(name);
  const env = { ...environment(url, { secrets: [] }), LOG_LEVEL: 'error' };
  const { code, stdout, stderr } = await medusa(['db:migrate', '--skip-scripts', '--skip-search'], env);
  if (code !== 0) throw new Error(`medusa db:migrate: ${stdout}${stderr}`);
  return url;
}

/** A database of its own that begins as a copy of the one at `url`, which nobody may use meanwhile. */
export async function copyOf(url, name) {
  const made = await database(name);
  const [from, to] = [url, made].map((one) => new URL(one).pathname.slice(1));
  const sql = await client(Object.assign(new URL(url), { pathname: 'postgres' }).href);
  await sql(`DROP DATABASE ${to}`);
  await sql(`CREATE DATABASE ${to} TEMPLATE ${from}`);
  return made;
}

/** `medusa start`, and what asks the application over HTTP; `took` is how long the start took, in milliseconds. */
export async function startShop(env) {
  const port = await freePort();
  const began = Date.now();
  const shop = await start(process.execPath, [MEDUSA, 'start', '--port', String(port)], {
    cwd: folder,
    env,
    ready: (told) => told.match(/Server is ready on port/)?.[0],
  });
  const call = async (method, path, { body, headers } = {}) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text };
  };
  return Object.assign(shop, { took: Date.now() - began, call });
}

/** An address that takes connections and never answers. */
export async function blackHole() {
  const sockets = new Set();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
