// What the package's parts weigh on the wire, and what they may: brotli, as a CDN sends them.
// test/size.test.mjs fails above a budget; whoever raises one says why.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { buildSync } from 'esbuild';

// A quarter of a kilobyte in three of them is wrappable.js: a verifier that no mock and no store can wrap costs
// its users more.
const BUDGETS = {
  'module': 45_000,
  'glue around the module (workerd)': 10_300,
  'everything, one file (browser)': 57_000,
  'everything without wasm (pure)': 31_000,
  'module and glue by wasm-bindgen': 75_000,
  'middleware for Hono': 2_500,
  'who is calling, for origins': 1_300,
  'assertions, for origins': 22_500,
  'status of others\' tokens': 4_400,
};

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

function brotli(bytes) {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  return brotliCompressSync(bytes, { params }).length;
}

// As a bundler would make it of one entry.
function bundled(entry, external = []) {
  const { outputFiles } = buildSync({
    entryPoints: [here(`js/${entry}.js`)],
    bundle: true,
    minify: true,
    format: 'esm',
    external,
    write: false,
    outdir: '/',
  });
  return brotli(outputFiles[0].contents);
}

// Bytes and budget of each part.
export function sizes() {
  const bytes = {
    'module': brotli(readFileSync(here('dist/portcullis.wasm'))),
    'glue around the module (workerd)': bundled('entry/workerd', ['*.wasm']),
    'everything, one file (browser)': bundled('entry/inline'),
    'everything without wasm (pure)': bundled('entry/pure'),
    'module and glue by wasm-bindgen': brotli(readFileSync(here('dist/bindgen.wasm'))) + bundled('bindgen/workerd', ['*.wasm']),
    'middleware for Hono': bundled('middleware/hono'),
    'who is calling, for origins': bundled('caller/caller'),
    'assertions, for origins': bundled('assertion/verifier'),
    'status of others\' tokens': bundled('status-list/checker'),
  };
  return Object.fromEntries(Object.entries(bytes).map(([what, size]) => [what, { bytes: size, budget: BUDGETS[what] }]));
}
