// In a fresh workerd: from the start of the process to the first verdict's answer, beside a Worker
// that only answers. Each in a process of its own, because the second request finds all made.

import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { effort } from './rounds.mjs';

const [keys, program, folder] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
copyFileSync(keys, `${folder}/fixtures.json`);

const OURS = `
  import { createVerifier } from '${fileURLToPath(new URL('../../wasm/js/entry/workerd.js', import.meta.url))}';
  import fixtures from 'fixtures.json';
  const bytes = (hex) => Uint8Array.from(hex.match(/../g), (pair) => Number.parseInt(pair, 16));
  const { kid, key, tokens } = fixtures.secret;
  let verifier;
  export default {
    fetch(request) {
      verifier ??= createVerifier({
        root: fixtures.root, bundle: bytes(fixtures.bundle), secrets: [{ kid, secret: bytes(key) }],
      });
      const { ok } = verifier.verify(tokens[request.url.endsWith('/second') ? 1 : 0]);
      return new Response(ok ? 'accepted' : 'refused');
    },
  };
`;
const THEIRS = `
  import fixtures from 'fixtures.json';
  export default { fetch: () => new Response(fixtures.secret.tokens.length > 0 ? 'accepted' : '') };
`;

async function worker(name, contents) {
  const out = `${folder}/${name}`;
  mkdirSync(out, { recursive: true });
  await build({
    stdin: { contents, resolveDir: folder, loader: 'js' },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    conditions: ['workerd'],
    loader: { '.wasm': 'copy' },
    assetNames: '[name]',
    external: ['fixtures.json'],
    outfile: `${out}/worker.js`,
    logLevel: 'error',
  });
  copyFileSync(keys, `${out}/fixtures.json`);
  const wasm = readdirSync(out).filter((file) => file.endsWith('.wasm'));
  const modules = [
    '(name = "worker.js", esModule = embed "worker.js")',
    '(name = "fixtures.json", json = embed "fixtures.json")',
    ...wasm.map((file) => `(name = "${file}", wasm = embed "${file}")`),
  ];
  writeFileSync(
    `${out}/config.capnp`,
    `using Workerd = import "/workerd/workerd.capnp";
    const config :Workerd.Config = (
      services = [(name = "main", worker = (modules = [${modules.join(',\n')}], compatibilityDate = "2026-04-01"))],
      sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
    );`,
  );
  return `${out}/config.capnp`;
}

// Nanoseconds from the start to the first answer, and of the second request.
async function once(config) {
  const started = process.hrtime.bigint();
  const child = spawn(program, ['serve', '--control-fd=3', config], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  });
  try {
    const port = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`workerd ended with ${code}`)));
      createInterface({ input: child.stdio[3] }).on('line', (line) => {
        const said = JSON.parse(line);
        if (said.event === 'listen') resolve(said.port);
      });
    });
    const ask = async (path) => {
      const told = await (await fetch(`http://127.0.0.1:${port}/${path}`)).text();
      if (told !== 'accepted') throw new Error(`workerd answered ${told}`);
    };
    await ask('');
    const first = Number(process.hrtime.bigint() - started);
    const again = process.hrtime.bigint();
    await ask('second');
    return { first, second: Number(process.hrtime.bigint() - again) };
  } finally {
    child.removeAllListeners('exit');
    child.kill();
  }
}

const subjects = { portcullis: await worker('ours', OURS), 'only an answer': await worker('theirs', THEIRS) };
const samples = {};
for (let round = 0; round < effort(4).rounds; round += 1) {
  for (const [who, config] of Object.entries(subjects)) {
    const { first, second } = await once(config);
    (samples[`start in workerd, ${who}, to the first answer`] ??= []).push(first);
    (samples[`start in workerd, ${who}, the second answer`] ??= []).push(second);
  }
}
console.log(JSON.stringify({ samples, facts: {} }));
