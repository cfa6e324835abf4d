// A Medusa application with the API Key Module that MODULE names.

const { defineConfig } = require('@medusajs/framework/utils');

const { DATABASE_URL, MODULE, OPTIONS } = process.env;

module.exports = defineConfig({
  admin: { disable: true },
  projectConfig: {
    databaseUrl: DATABASE_URL,
    http: { jwtSecret: 'of the tests', cookieSecret: 'of the tests' },
  },
  modules: [{ resolve: MODULE, options: JSON.parse(OPTIONS) }],
});
