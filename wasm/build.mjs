#!/usr/bin/env node
// Makes the generated files of the npm package: the module as text, the noble libraries in one file,
// and CommonJS. `cargo xtask build` calls it after it has built the wasm modules.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { sizes } from './size.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

for (const name of ['LICENSE-APACHE', 'LICENSE-MIT']) cpSync(here(`../${name}`), here(name));

// The form that inline.js and bindgen.js import.
for (const [file, name] of [['portcullis', 'inline'], ['bindgen', 'bindgen-inline']]) {
  const module = readFileSync(here(`dist/${file}.wasm`)).toString('hex');
  writeFileSync(here(`dist/${name}.js`), `export const MODULE = '${module}';\n`);
}

await build({
  entryPoints: [here('src/noble.mjs')],
  outfile: here('dist/noble.js'),
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  legalComments: 'inline',
});

// The form that auto.js imports.
await build({
  entryPoints: [here('js/entry/pure.js')],
  outfile: here('dist/pure.js'),
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  legalComments: 'inline',
});

// The entries in CommonJS. `edge-light` and `workerd` support only ES modules.
const { exports } = JSON.parse(readFileSync(here('package.json'), 'utf8'));
const entries = Object.values(exports).filter((entry) => entry.require !== undefined);
rmSync(here('cjs'), { recursive: true, force: true });
mkdirSync(here('cjs'));
for (const { require: { default: file }, node, default: esm } of entries) {
  await build({
    entryPoints: [here(node ?? esm)],
    outfile: here(file),
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    // An application must have one copy of each of these.
    external: ['@medusajs/*', 'portcullis'],
    logLevel: 'warning',
  });
}
// The same types for CommonJS.
const types = [['index.d.ts', 'index'], ...readdirSync(here('types')).map((file) => [`types/${file}`, basename(file, '.d.ts')])];
for (const [file, name] of types) {
  const text = readFileSync(here(file), 'utf8');
  const moved = text.replace(/'\.\.?\/([\w-]+)\.js'/g, "'./$1.cjs'");
  writeFileSync(here(`cjs/${name}.d.cts`), moved);
}

for (const [what, { bytes, budget }] of Object.entries(sizes())) {
  console.log(`${what.padEnd(52)} ${String(bytes).padStart(7)} bytes, of ${budget}`);
}

// A cold start in Node: import, adopt a list, verify a key.
const first = `
  const started = performance.now();
  const { createVerifier } = await import('./js/entry/node.js');
  const { root, now, tokens, lists } = JSON.parse((await import('node:fs')).readFileSync('./test/fixtures/issuer.json'));
  const verifier = createVerifier({ root, now, bundle: Buffer.from(lists.first.bundle, 'base64') });
  if (!verifier.verify(tokens.publishable, { now }).ok) throw new Error('refused');
  console.log(performance.now() - started);
`;
const took = execFileSync(process.execPath, ['--input-type=module', '-e', first], { cwd: here('.'), encoding: 'utf8' });
console.log(`${'from import to the first verdict, Node'.padEnd(52)} ${Number(took).toFixed(1).padStart(7)} ms`);
