// The size of the package's parts on the wire (brotli, as a CDN sends them), and the budget of each.
// test/size.test.mjs fails above a budget. Give a reason when you raise one.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { buildSync } from 'esbuild';

// wrappable.js is a quarter of a kilobyte in three of them: without it, mocks and stores can't wrap a
// verifier. Reading the usual options without a table is a tenth of one. Assignments take two
// kilobytes of the module.
const BUDGETS = {
  'module': 47_500,
  'glue around the module (workerd)': 10_400,
  'everything, one file (browser)': 60_500,
  'everything without wasm (pure)': 31_000,
  'module and glue by wasm-bindgen': 75_000,
  'middleware for Hono': 2_550,
  'who is calling, for origins': 1_300,
  'assertions, for origins': 22_500,
  'status of others\' tokens': 4_400,
};

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

function brotli(bytes) {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  return brotliCompressSync(bytes, { params }).length;
}

// A bundle of one entry, as a bundler makes it.
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

// The size and the budget of each part, in bytes.
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
