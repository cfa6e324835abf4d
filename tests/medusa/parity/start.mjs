// The module that MODULE names, by itself or in a whole application.

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const { MedusaApp, MedusaModule } = require('@medusajs/framework/modules-sdk');
const { ContainerRegistrationKeys, generateJwtToken, Modules } = require('@medusajs/framework/utils');

const { DATABASE_URL, MODULE, OPTIONS } = process.env;
const FOLDER = fileURLToPath(new URL('app/', import.meta.url));

export async function startModule() {
  const app = await MedusaApp({
    modulesConfig: {
      [Modules.API_KEY]: { resolve: MODULE, options: JSON.parse(OPTIONS) },
      [Modules.EVENT_BUS]: { resolve: '@medusajs/medusa/event-bus-local' },
    },
    sharedResourcesConfig: { database: { clientUrl: DATABASE_URL, driverOptions: { connection: { ssl: false } } } },
  });
  await app.runMigrations();
  return { container: app.sharedContainer };
}

export async function startShop() {
  process.chdir(FOLDER);
  const { default: load, initializeContainer } = require('@medusajs/medusa/loaders/index');
  const { migrate } = require('@medusajs/medusa/commands/db/migrate');
  const container = await initializeContainer(FOLDER);
  const logger = container.resolve(ContainerRegistrationKeys.LOGGER);
  await migrate({ directory: FOLDER, executeAllLinks: true, skipScripts: true, skipSearch: true, logger, container });
  MedusaModule.clearInstances();
  const express = require('express');
  const app = express();
  await load({ directory: FOLDER, expressApp: app });
  const server = await new Promise((resolve) => {
    const listening = app.listen(0, '127.0.0.1', () => resolve(listening));
  });
  const call = caller(`http://127.0.0.1:${server.address().port}`);
  const user = await container.resolve(Modules.USER).createUsers({ email: 'anna@example.com' });
  const claims = { actor_id: user.id, actor_type: 'user', auth_identity_id: 'authid_1', app_metadata: { user_id: user.id } };
  const token = generateJwtToken(claims, { secret: 'of the tests', expiresIn: '1h' });
  return {
    container,
    call,
    user,
    query: container.resolve(ContainerRegistrationKeys.QUERY),
    link: container.resolve(ContainerRegistrationKeys.LINK),
    flows: require('@medusajs/medusa/core-flows'),
    sdk: require('@medusajs/framework/workflows-sdk'),
    /** A call in the name of the user. */
    admin: (method, path, body) => call(method, `/admin${path}`, { body, headers: { authorization: `Bearer ${token}` } }),
    /** A storefront's call. */
    store: (key, method, path, body) => call(method, `/store${path}`, { body, headers: key === undefined ? {} : { 'x-publishable-api-key': key } }),
    channel: (name) => container.resolve(Modules.SALES_CHANNEL).createSalesChannels({ name }),
  };
}

const caller = (address) => async (method, path, { body, headers } = {}) => {
  const response = await fetch(address + path, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text };
};
