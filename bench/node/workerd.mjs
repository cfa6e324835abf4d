// The package and its peers in workerd: a loop inside one request, an empty one subtracted.

import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { serve, writeConfig } from '../../tests/workerd.mjs';
import { effort, rounds } from './rounds.mjs';

const [keys, program, folder] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
copyFileSync(keys, `${folder}/fixtures.json`);
await build({
  entryPoints: [fileURLToPath(new URL('worker.js', import.meta.url))],
  bundle: true,
  format: 'esm',
  target: 'es2022',
  conditions: ['workerd'],
  loader: { '.wasm': 'copy' },
  assetNames: '[name]',
  external: ['fixtures.json'],
  outdir: folder,
  logLevel: 'error',
});
const wasm = readdirSync(folder).find((name) => name.endsWith('.wasm'));
const { port, stop } = await serve(program, writeConfig(folder, ['worker.js', wasm, 'fixtures.json']));
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const ask = (query) =>
  new Promise((resolve, reject) => {
    get({ port, agent, path: `/?${new URLSearchParams(query)}` }, async (response) => {
      const text = (await response.toArray()).join('');
      if (response.statusCode === 200) resolve(text);
      else reject(new Error(`workerd answered ${response.statusCode}: ${text}`));
    }).on('error', reject);
  });

try {
  const subjects = {};
  for (const name of JSON.parse(await ask({}))) {
    subjects[name] = (times) => ask({ subject: name, times });
  }
  const samples = await rounds(subjects, effort(4), () => ask({ subject: 'npm verify', times: 0 }));
  const named = Object.entries(samples).map(([name, ns]) => [`workerd, ${name}`, ns]);
  console.log(JSON.stringify({ samples: Object.fromEntries(named), facts: {} }));
} finally {
  agent.destroy();
  await stop();
}
