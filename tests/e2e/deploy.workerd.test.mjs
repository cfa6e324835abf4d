// The gate as wrangler would deploy it: wrangler.toml, bundled by wrangler and run in workerd.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { startGate } from './support/gate.mjs';
import { startOrigin } from './support/http.mjs';
import { startIssuer } from './support/issuer.mjs';
import { temporaryFolder, until } from './support/processes.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const WRANGLER = here('../../node_modules/wrangler/bin/wrangler.js');
const SETTINGS = readFileSync(here('../../wrangler.toml'), 'utf8').replace(
  /^main = ".*"$/m,
  `main = ${JSON.stringify(here('../../crates/gate-worker/entry.js'))}`,
);

/** What wrangler says of a deployment that it does not make, and the folder that it would send. */
async function deploy(settings, environment) {
  const folder = await temporaryFolder();
  const config = join(folder, 'wrangler.toml');
  writeFileSync(config, settings);
  const out = join(folder, 'out');
  const env = { ...process.env, WRANGLER_SEND_METRICS: 'false', XDG_CONFIG_HOME: join(folder, '.config'), CI: '1' };
  const args = ['deploy', '--config', config, `--env=${environment}`, '--dry-run', '--outdir', out];
  return { out, said: execFileSync(process.execPath, [WRANGLER, ...args], { cwd: folder, env, encoding: 'utf8' }) };
}

for (const [environment, name] of [['', 'live'], ['test', 'test']]) {
  test(`for ${name} keys, verifies them once wrangler has bundled it`, async () => {
    const [issuer, origin, { said, out }] = await Promise.all([startIssuer(), startOrigin(), deploy(SETTINGS, environment)]);
    assert.ok(said.includes(`env.ENVIRONMENT ("${name}")`), said);
    const settings = { ISSUER_URL: issuer.url, ORIGIN_URL: origin.url, ROOT: issuer.root, HMAC_KEYS: issuer.gateKeys };
    const gate = await startGate({ ...settings, ENVIRONMENT: name }, { deployed: out });
    const { token, id } = await issuer.create('--environment', name);
    await until('the gate is open', async () => (await gate.ask(token)).status === 200);
    await issuer.revoke(id);
    await until('the gate refuses', async () => (await gate.ask(token)).status === 401);
  });
}

test('with everything that wrangler.toml offers, has each of its bindings', async () => {
  // Of the comments those that are no sentences.
  const offered = /^# ?(?=\[|[A-Za-z_]+ = |\s+\{|\]'''|$)/gm;
  const identity = '0123456789abcdef0123456789abcdef';
  const all = SETTINGS.replace(offered, '').replaceAll('"…"', `"${identity}"`);
  const { said } = await deploy(all, '');
  const bindings = ['LIST_KV', 'LIST_R2', 'RATE_GOLD', 'ANALYTICS', 'USAGE_QUEUE'];
  for (const name of [...bindings, 'ROUTES', 'RATE_CLASSES', 'FRESH_FOR', 'REPORT_USAGE']) {
    assert.ok(said.includes(`env.${name} (`), `${name} is missing in ${said}`);
  }
});
