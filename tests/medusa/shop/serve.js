// One process of the shop: prints its port, goes on until SIGTERM, and answers what it has begun.

const express = require('express');
const load = require('@medusajs/medusa/loaders/index').default;

async function main() {
  const app = express();
  const { shutdown } = await load({ directory: __dirname, expressApp: app });
  const server = app.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
  process.once('SIGTERM', () => {
    server.close(async () => {
      await shutdown();
      process.exit(0);
    });
    server.closeIdleConnections();
  });
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
