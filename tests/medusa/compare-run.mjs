// Runs the cases against one of the modules, in a process of its own (Medusa keeps its modules in a
// global), and prints what each came to as JSON.

import { createRequire } from 'node:module';
import { cases } from './compare-cases.mjs';

const require = createRequire(import.meta.url);
const { MedusaApp } = require('@medusajs/framework/modules-sdk');
const { Modules } = require('@medusajs/framework/utils');

const { DATABASE_URL, MODULE, OPTIONS } = process.env;
const imported = require(MODULE).default;
const app = await MedusaApp({
  modulesConfig: {
    [Modules.API_KEY]: { resolve: MODULE, options: JSON.parse(OPTIONS) },
    [Modules.EVENT_BUS]: { resolve: '@medusajs/medusa/event-bus-local' },
  },
  sharedResourcesConfig: { database: { clientUrl: DATABASE_URL, driverOptions: { connection: { ssl: false } } } },
});
await app.runMigrations();
const api = app.modules[Modules.API_KEY];
const seen = [];
app.sharedContainer.resolve(Modules.EVENT_BUS).addInterceptor((message) => void seen.push(message));

const outcomes = {};
for (const [name, run] of Object.entries(cases)) {
  const make = (title, type = 'secret') => api.createApiKeys({ title, type, created_by: 'usr_1' });
  const told = async () => run({ api, make, seen, linkable: imported.linkable });
  outcomes[name] = await told().then(shown, failed);
  // Each case begins with nothing.
  const left = await api.listApiKeys({}, { withDeleted: true });
  const live = left.filter(({ revoked_at, deleted_at }) => deleted_at === null && (revoked_at === null || revoked_at > new Date()));
  if (live.length > 0) await api.revoke({ id: live.map(({ id }) => id) }, { revoked_by: 'the end' }).catch(() => {});
  await api.deleteApiKeys(left.map(({ id }) => id)).catch(() => {});
}
process.stdout.write(`\n${JSON.stringify(outcomes)}\n`);
process.exit(0);

// What differs from run to run, as a name.
function plain(text) {
  return text
    .replaceAll(/apk_[0-9A-Za-z]{22,26}/g, '(id)')
    .replaceAll(/\b(sk|pk)_[0-9a-f]{64}\b/g, '$1_(64 hex digits)')
    .replaceAll(/\b(sk|pk)_(live|test)_[0-9A-Za-z]{66}\b/g, '$1_$2_(66 letters and digits)')
    .replaceAll(/\b(sk|pk)_(live|test)_[0-9A-Za-z]{132}\b/g, '$1_$2_(132 letters and digits)')
    .replaceAll(/\b[0-9a-f]{128}\b/g, '(its hash)')
    .replace(/insert into .* \(('\(id\)', '\(its hash\)').*\) - /, 'insert into … ($1, …) - ');
}

function shown(value) {
  if (value === undefined) return 'nothing';
  return plain(typeof value === 'string' && value !== '' ? value : JSON.stringify(value));
}

function failed(error) {
  return plain(`${error.type ?? error.name}: ${error.message}`.split('\n')[0]);
}
