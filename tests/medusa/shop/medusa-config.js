// A shop as it is before the switch, with Medusa's own API Key Module, and with MODULE=portcullis as it is after.

const { defineConfig } = require('@medusajs/framework/utils');

const { DATABASE_URL, MODULE, PORTCULLIS_URL, PORTCULLIS_ADMIN_KEY, PORTCULLIS_ROOT, PORTCULLIS_SECRETS, FALLBACK_UNTIL } = process.env;

module.exports = defineConfig({
  admin: { disable: true },
  projectConfig: {
    databaseUrl: DATABASE_URL,
    http: { jwtSecret: 'of the tests', cookieSecret: 'of the tests' },
  },
  modules:
    MODULE === 'portcullis'
      ? [
          {
            resolve: 'portcullis/medusa',
            options: {
              url: PORTCULLIS_URL,
              adminKey: PORTCULLIS_ADMIN_KEY,
              root: PORTCULLIS_ROOT,
              secrets: JSON.parse(PORTCULLIS_SECRETS),
              ...(FALLBACK_UNTIL ? { fallback: { until: FALLBACK_UNTIL } } : {}),
            },
          },
        ]
      : [],
});
