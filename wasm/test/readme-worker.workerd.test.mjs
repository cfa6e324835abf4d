// The README's Worker in workerd, bundled by wrangler with the packed package.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { install, MODULES, run } from './packed.mjs';
import { files, issuer, lists, now, root, tokens } from './support.mjs';
import { serve } from './workerd.mjs';

const [, example] = /^```js\n(\/\/ worker\.mjs[^]*?)^```$/m.exec(readFileSync(new URL('../README.md', import.meta.url), 'utf8'));

test('in workerd: the first requests wait for one list, and later ones are refreshed behind them', async (t) => {
  const { folder } = install(t);
  const keys = await issuer(files(lists.withPolicies));
  t.after(keys.close);
  const script = example.replace('THE-ISSUERS-PUBLIC-ROOT-KEY', root).replace('https://keys.example.com', keys.url);
  // The fixtures are valid at another time. A request can advance the clock.
  const clock = 'globalThis.later = 0;\nDate.now = () => NOW + globalThis.later;\n'.replace('NOW', now);
  const moved = script.replace('export default {\n  fetch: protect(', 'const handler = {\n  fetch: protect(');
  assert.notEqual(moved, script);
  writeFileSync(join(folder, 'clock.mjs'), clock);
  writeFileSync(join(folder, 'worker.mjs'), `import './clock.mjs';\n${moved}
    export default {
      fetch(request, env, context) {
        const later = request.headers.get('later');
        if (later !== null) globalThis.later = Number(later);
        return handler.fetch(request, env, context);
      },
    };`);
  const settings = ['--dry-run', '--outdir', 'out', '--name', 'example', '--compatibility-date', '2026-04-01'];
  const env = { WRANGLER_SEND_METRICS: 'false', WRANGLER_LOG: 'error', XDG_CONFIG_HOME: join(folder, '.config'), CI: '1' };
  run('node', [join(MODULES, 'wrangler/bin/wrangler.js'), 'deploy', 'worker.mjs', ...settings], folder, env);
  const out = join(folder, 'out');
  const names = readdirSync(out).filter((name) => name.endsWith('.js') || name.endsWith('.wasm'));
  assert.deepEqual(names.map((name) => name.split('.').pop()).sort(), ['js', 'wasm']);
  const worker = await serve(out, names.sort((a, b) => a.split('.').pop().localeCompare(b.split('.').pop())));
  t.after(worker.stop);

  const ask = async (token, headers = {}) => {
    const response = await fetch(`${worker.url}store/x`, { headers: { origin: 'https://shop.example', 'x-api-key': token, ...headers } });
    return [response.status, await response.text()];
  };
  const cold = await Promise.all([1, 2, 3].map(() => ask(tokens.publishable)));
  for (const answer of cold) assert.deepEqual(answer, [200, '{"owner":42,"scopes":["carts:*","orders:read"]}']);
  assert.equal(keys.asked.filter((name) => name === 'bundle').length, 1, 'one of them fetches for all');
  assert.equal((await ask(tokens.suspended))[0], 401);
  assert.equal((await ask(tokens.publishable, { origin: 'https://evil.example' }))[0], 403);

  // The list is refreshed behind a request. Later requests are verified against the new one.
  keys.served = files(lists.policiesEdited);
  assert.equal((await ask(tokens.publishable, { later: '3000' }))[0], 200);
  const until = Date.now() + 10_000;
  let scopes;
  while (scopes?.length !== 1 && Date.now() < until) ({ scopes } = JSON.parse((await ask(tokens.publishable))[1]));
  assert.deepEqual(scopes, ['orders:read']);

  // Past the next update, with an unreachable issuer, no request passes.
  keys.served = {};
  assert.equal((await ask(tokens.publishable, { later: '60000' }))[0], 503);
});
