// Databases and Medusa applications, over a real issuer.

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import { startIssuer } from '../e2e/support/issuer.mjs';
import { atEnd, handedOver, run } from '../e2e/support/processes.mjs';

const require = createRequire(import.meta.url);
const MEDUSA = fileURLToPath(new URL('node_modules/.bin/medusa', import.meta.url));

/** An empty database of its own, as a URL. */
export async function database(name) {
  const server = handedOver('PORTCULLIS_TEST_POSTGRES');
  const { Client } = require('pg');
  const client = new Client({ connectionString: `${server}postgres` });
  await client.connect();
  const called = `medusa_${name}_${process.pid}`;
  await client.query(`DROP DATABASE IF EXISTS ${called} WITH (FORCE)`);
  await client.query(`CREATE DATABASE ${called}`);
  await client.end();
  return server + called;
}

/** An issuer, and the options by which the module reaches it. */
export async function issuerFor(options = {}) {
  const issuer = await startIssuer(options);
  const { secrets } = JSON.parse(issuer.gateKeys);
  // No more than docs/medusa.md says that it needs.
  const scopes = ['keys:read', 'keys:write', 'keys:revoke', 'keys:verify'];
  const { token } = (await issuer.api('POST', '/v1/admins', { title: 'shop', scopes })).body;
  return Object.assign(issuer, {
    options: { url: issuer.url, adminKey: token, root: issuer.root, secrets },
  });
}

/** Whether the Medusa that is tested here is `version` or a later one. */
export function since(version) {
  const tested = require('@medusajs/medusa/package.json').version;
  return tested.localeCompare(version, 'en', { numeric: true }) >= 0;
}

/** The whole application of the folder `app`, over HTTP. `admin` is what serves Medusa's Admin in it. */
export async function startApplication(issuer, { admin } = {}) {
  const folder = fileURLToPath(new URL('app/', import.meta.url));
  const { url, adminKey, root, secrets } = issuer.options;
  Object.assign(process.env, {
    DATABASE_URL: await database('app'),
    PORTCULLIS_URL: url,
    PORTCULLIS_ADMIN_KEY: adminKey,
    PORTCULLIS_ROOT: root,
    PORTCULLIS_SECRETS: JSON.stringify(secrets),
    MEDUSA_DISABLE_TELEMETRY: 'true',
    LOG_LEVEL: 'error',
    NODE_ENV: 'production',
  });
  const migrated = await run(process.execPath, [MEDUSA, 'db:migrate', '--skip-scripts'], { cwd: folder });
  if (migrated.code !== 0) throw new Error(`medusa db:migrate: ${migrated.stdout}${migrated.stderr}`);
  process.chdir(folder);
  const { default: load } = require('@medusajs/medusa/loaders/index');
  const express = require('express');
  const app = express();
  if (admin !== undefined) app.use('/app', admin);
  const { container, shutdown } = await load({ directory: folder, expressApp: app });
  const server = await new Promise((resolve) => {
    const listening = app.listen(0, '127.0.0.1', () => resolve(listening));
  });
  atEnd(async () => {
    server.closeAllConnections();
    server.close();
    await shutdown();
  });
  const address = `http://127.0.0.1:${server.address().port}`;
  const call = async (method, path, { body, headers } = {}) => {
    const response = await fetch(address + path, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text };
  };
  return { container, call, address };
}
