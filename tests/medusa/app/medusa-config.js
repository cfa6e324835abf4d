// A Medusa application whose API keys are Portcullis's.

const { defineConfig } = require('@medusajs/framework/utils');

const { DATABASE_URL, PORTCULLIS_URL, PORTCULLIS_ADMIN_KEY, PORTCULLIS_ROOT, PORTCULLIS_SECRETS } = process.env;

module.exports = defineConfig({
  admin: { disable: true },
  projectConfig: {
    databaseUrl: DATABASE_URL,
    http: { jwtSecret: 'of the tests', cookieSecret: 'of the tests' },
    // In production a session's cookie is for HTTPS alone, and the tests have none.
    cookieOptions: { secure: false, sameSite: 'lax' },
  },
  modules: [
    {
      resolve: 'portcullis/medusa',
      options: {
        url: PORTCULLIS_URL,
        adminKey: PORTCULLIS_ADMIN_KEY,
        root: PORTCULLIS_ROOT,
        secrets: JSON.parse(PORTCULLIS_SECRETS || '[]'),
      },
    },
  ],
});
