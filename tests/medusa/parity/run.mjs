// Runs the cases on one of the modules, in a process of its own (Medusa keeps its modules in a global), and
// prints the outcomes as JSON.

import { createRequire } from 'node:module';

import { startModule, startShop } from './start.mjs';

const require = createRequire(import.meta.url);
const { Modules } = require('@medusajs/framework/utils');

const { KIND, CASES } = process.env;
const started = await (KIND === 'shop' ? startShop() : startModule());
const api = started.container.resolve(Modules.API_KEY);
const seen = [];
started.container.resolve(Modules.EVENT_BUS).addInterceptor((message) => void seen.push(message));

const context = {
  ...started,
  api,
  seen,
  make: (title, type = 'secret', more = {}) => api.createApiKeys({ title, type, created_by: 'usr_1', ...more }),
  /** What a promise was refused with, as `type: message`. */
  refused: (promise) => promise.then((value) => ({ 'was not refused': value ?? null }), ({ type, name, message }) => `${type ?? name}: ${message.split('\n')[0]}`),
  /** Whether it becomes so before long. */
  async soon(question, seconds = 10) {
    for (const deadline = Date.now() + seconds * 1000; Date.now() < deadline; ) {
      if (await question()) return true;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return false;
  },
};

const outcomes = {};
for (const file of JSON.parse(CASES)) {
  for (const [name, { run }] of Object.entries((await import(new URL(file, import.meta.url))).cases)) {
    outcomes[name] = await run(context).then(
      (value) => ({ value: plain(value) }),
      (error) => ({ error: plain(error?.stack ?? error) }),
    );
    if (KIND === 'module') await empty();
  }
}
process.stdout.write(`\n${JSON.stringify(outcomes)}\n`);
process.exit(0);

// What differs from run to run, as a name.
function plain(value) {
  const text = JSON.stringify(value ?? null)
    .replaceAll(/apk_[0-9A-Za-z]{22,26}/g, '(id)')
    .replaceAll(/\bsc_[0-9A-Z]{26}/g, '(channel)')
    .replaceAll(/\b(sk|pk)_(?:live_)?[0-9A-Za-z]{64,140}\b/g, '$1_(text)')
    .replaceAll(/\b[0-9a-f]{128}\b/g, '(hash)');
  return JSON.parse(text);
}

// A case of the module by itself begins with nothing.
async function empty() {
  const left = await api.listApiKeys({}, { withDeleted: true });
  await api.restoreApiKeys(left.filter(({ deleted_at }) => deleted_at !== null).map(({ id }) => id));
  const counting = left.filter(({ revoked_at }) => revoked_at === null || revoked_at > new Date());
  if (counting.length > 0) await api.revoke({ id: counting.map(({ id }) => id) }, { revoked_by: 'the end' });
  await api.deleteApiKeys(left.map(({ id }) => id));
}
