// In a fresh workerd: from the start of the process to the first verdict's answer, beside a Worker
// that only answers. Each in a process of its own, because the second request finds all made.

import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { serve, writeConfig } from '../../tests/workerd.mjs';
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
  return writeConfig(out, ['worker.js', 'fixtures.json', ...wasm]);
}

// Nanoseconds from the start to the first answer, and of the second request.
async function once(config) {
  const started = process.hrtime.bigint();
  const { port, stop } = await serve(program, config);
  try {
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
    await stop();
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
