// The package and its peers in workerd: a loop inside one request, an empty one subtracted.

import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
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
writeFileSync(
  `${folder}/config.capnp`,
  `using Workerd = import "/workerd/workerd.capnp";
  const config :Workerd.Config = (
    services = [(name = "main", worker = (
      modules = [
        (name = "worker.js", esModule = embed "worker.js"),
        (name = "${wasm}", wasm = embed "${wasm}"),
        (name = "fixtures.json", json = embed "fixtures.json"),
      ],
      compatibilityDate = "2026-04-01",
    ))],
    sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
  );`,
);

const child = spawn(program, ['serve', '--control-fd=3', `${folder}/config.capnp`], {
  stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
});
const port = await new Promise((resolve, reject) => {
  child.once('error', reject);
  child.once('exit', (code) => reject(new Error(`workerd ended with ${code}`)));
  createInterface({ input: child.stdio[3] }).on('line', (line) => {
    const said = JSON.parse(line);
    if (said.event === 'listen') resolve(said.port);
  });
});
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
  child.removeAllListeners('exit');
  child.kill();
}
