// What the package weighs, and what the first key costs a fresh process.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { build } from 'esbuild';
import { GLUE, MODULE } from './biscuit.mjs';
import { effort } from './rounds.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const packed = (content) =>
  brotliCompressSync(content, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 22 },
  }).length;

async function glue(entryPoints) {
  const bundled = await build({
    entryPoints,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    external: ['*.wasm', 'node:*'],
    write: false,
    logLevel: 'error',
    outdir: '.',
  });
  return bundled.outputFiles.reduce((sum, file) => sum + packed(file.contents), 0);
}

const ours = readFileSync(here('../../wasm/dist/portcullis.wasm'));
const theirs = readFileSync(MODULE);
const facts = {
  'start, portcullis module, bytes': ours.length,
  'start, portcullis module, brotli': packed(ours),
  'start, portcullis glue, brotli': await glue([here('../../wasm/js/entry/workerd.js')]),
  'start, biscuit module, bytes': theirs.length,
  'start, biscuit module, brotli': packed(theirs),
  'start, biscuit glue, brotli': await glue(GLUE.slice(0, 1)),
};

const samples = {};
for (let round = 0; round < effort(4).rounds; round += 1) {
  for (const who of ['portcullis', 'biscuit']) {
    const words = [here('first.mjs'), who, ...process.argv.slice(2)];
    const told = execFileSync(process.execPath, words, { encoding: 'utf8' });
    const steps = JSON.parse(told.trim().split('\n').at(-1));
    for (const [step, nanos] of Object.entries(steps)) {
      (samples[`start, ${who}, ${step}`] ??= []).push(nanos);
    }
  }
}
console.log(JSON.stringify({ samples, facts }));
