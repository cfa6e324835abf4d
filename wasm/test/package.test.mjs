// The packed package: in each runtime that npm offers, its types, and linters of packages.

import assert from 'node:assert/strict';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { EdgeRuntime } from 'edge-runtime';
import { build } from 'esbuild';
import { assertionOf, keyOf, keyringOf } from './assertion-files.mjs';
import { install, MODULES, program, run } from './packed.mjs';
import { fixtures, lists, now, root, tokens } from './support.mjs';
import { CALLS } from '../js/shared/options.js';
import { BINDGEN, DEMANDS, EXHAUSTIVE, sameNames } from './types.mjs';
// Each of these modules registers the options that it knows.
import '../js/assertion/verifier.js';
import '../js/issuer/client.js';
import '../js/entry/node.js';
import '../js/status-list/checker.js';

const ENTRIES = ['portcullis', 'portcullis/pure', 'portcullis/auto'];
const EXPECTED = `true ${fixtures.issuer} accepted refused\n`;

// Verifies a key with a bundle and in a request. The output is the same in every runtime.
const useOf = (entry, imports) => `
  ${imports(entry, ['createVerifier', 'PortcullisError'])}
  ${imports('portcullis/fetch', ['protect'])}
  const bundle = Uint8Array.from(atob('${lists.first.bundle}'), (c) => c.charCodeAt(0));
  const verifier = createVerifier({ root: '${root}', bundle, now: ${now} });
  const { ok, key } = verifier.verify('${tokens.publishable}', { now: ${now} });
  const handler = protect(verifier, () => new Response('accepted'), { now: ${now} });
  const ask = async (token) => {
    const response = await handler(new Request('https://a.example/', { headers: { 'x-api-key': token } }));
    return response.ok ? response.text() : 'refused';
  };
  try { createVerifier({ root: 'x' }); } catch (error) { if (!(error instanceof PortcullisError)) throw error; }
  (async () => (globalThis.tell ?? console.log)([ok, key.issuer, await ask('${tokens.test}'), await ask('${tokens.suspended}')].join(' ')))();
`;
const esm = (entry, names) => `import { ${names.join(', ')} } from '${entry}';`;
const cjs = (entry, names) => `const { ${names.join(', ')} } = require('${entry}');`;

// Waits for the result of a script in the edge runtime.
async function toldBy(runtime) {
  const until = Date.now() + 10_000;
  while (runtime.evaluate('globalThis.told') === undefined && Date.now() < until) {
    await new Promise((done) => { setTimeout(done, 5); });
  }
  return runtime.evaluate('globalThis.told');
}

test('the tarball works in an empty folder, in every runtime that is here', async (t) => {
  const { folder, packed } = install(t);
  const write = (name, text) => writeFileSync(join(folder, name), text);

  await t.test('it holds what it should', () => {
    const parts = new Set(packed.map((path) => path.replace(/\/.*/, '')));
    const expected = ['LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'THIRD-PARTY.md', 'cjs', 'dist', 'index.d.ts', 'js',
      'package.json', 'types'];
    assert.deepEqual([...parts].sort(), expected);
    assert.deepEqual(packed.filter((path) => path.startsWith('dist/')).sort(), [
      'dist/bindgen-inline.js', 'dist/bindgen.js', 'dist/bindgen.wasm', 'dist/inline.js', 'dist/noble.js', 'dist/portcullis.wasm', 'dist/pure.js',
    ]);
    assert.deepEqual(packed.filter((path) => /test|fixture|\.mjs$|\.rs$|\.map$/.test(path)), []);
  });

  for (const entry of ENTRIES) {
    write('use.mjs', useOf(entry, esm));
    await t.test(`Node, import '${entry}'`, () => assert.equal(run('node', ['use.mjs'], folder), EXPECTED));
    const deno = program('@deno', 'deno');
    await t.test(`Deno, import '${entry}'`, { skip: deno ? false : 'npm has no Deno for this machine' }, () => {
      const env = { DENO_NO_UPDATE_CHECK: '1', DENO_DIR: join(folder, '.deno'), NO_COLOR: '1' };
      assert.equal(run(deno, ['run', '--no-remote', '--allow-read', 'use.mjs'], folder, env), EXPECTED);
    });
    const bun = program('@oven', 'bin/bun');
    await t.test(`Bun, import '${entry}'`, { skip: bun ? false : 'npm has no Bun for this machine' }, () => {
      assert.equal(run(bun, ['--no-install', 'use.mjs'], folder), EXPECTED);
    });
  }
  for (const entry of ENTRIES.slice(0, 2)) {
    await t.test(`Node, require('${entry}')`, () => {
      write('use.cjs', useOf(entry, cjs));
      assert.equal(run('node', ['--no-experimental-require-module', 'use.cjs'], folder), EXPECTED);
    });
  }
  // A verdict of the wasm-bindgen class, and an error of its class.
  const bound = (imports) => `
    ${imports('portcullis/bindgen', ['PortcullisError', 'Verifier'])}
    const bundle = Uint8Array.from(atob('${lists.first.bundle}'), (c) => c.charCodeAt(0));
    const { ok, key } = new Verifier({ root: '${root}', bundle, now: ${now} }).verify('${tokens.publishable}', { now: ${now} });
    let code;
    try { new Verifier({ root: 'x' }); } catch (error) { if (error instanceof PortcullisError) code = error.code; }
    (globalThis.tell ?? console.log)([ok, key.issuer, code].join(' '));
  `;
  const boundTold = `true ${fixtures.issuer} root_unreadable\n`;
  await t.test('the class of wasm-bindgen in Node, Deno and Bun, and of CommonJS', () => {
    write('use.mjs', bound(esm));
    write('use.cjs', bound(cjs));
    assert.equal(run('node', ['use.mjs'], folder), boundTold);
    assert.equal(run('node', ['--no-experimental-require-module', 'use.cjs'], folder), boundTold);
    const [deno, bun] = [program('@deno', 'deno'), program('@oven', 'bin/bun')];
    const env = { DENO_NO_UPDATE_CHECK: '1', DENO_DIR: join(folder, '.deno'), NO_COLOR: '1' };
    if (deno) assert.equal(run(deno, ['run', '--no-remote', '--allow-read', 'use.mjs'], folder, env), boundTold);
    if (bun) assert.equal(run(bun, ['--no-install', 'use.mjs'], folder), boundTold);
  });
  const { text: pinned } = keyOf(1);
  const keyring = Buffer.from(keyringOf({ notAfter: now + 1e9, signers: [{ kid: 9, seed: 9 }] })).toString('base64');
  // An origin's verdicts on two assertions. The output is the same in every runtime.
  const asserting = (imports) => `
    ${imports('portcullis/assertion', ['createAssertionVerifier'])}
    const keyring = Uint8Array.from(atob('${keyring}'), (c) => c.charCodeAt(0));
    const verifier = createAssertionVerifier({ root: '${pinned}', audience: 'origin.example', keyring });
    (async () => {
      const [good, bad] = [await verifier.verify('${assertionOf({ at: now })}', { now: ${now} }), await verifier.verify('${assertionOf({ at: now, seed: 8 })}', { now: ${now} })];
      (globalThis.tell ?? console.log)([good.key.owner, bad.code].join(' '));
    })();
  `;
  const asserted = '7 assertion_bad_signature\n';
  await t.test('an origin in Node, Deno and Bun, and of CommonJS', () => {
    write('use.mjs', asserting(esm));
    write('use.cjs', asserting(cjs));
    assert.equal(run('node', ['use.mjs'], folder), asserted);
    assert.equal(run('node', ['--no-experimental-require-module', 'use.cjs'], folder), asserted);
    const [deno, bun] = [program('@deno', 'deno'), program('@oven', 'bin/bun')];
    const env = { DENO_NO_UPDATE_CHECK: '1', DENO_DIR: join(folder, '.deno'), NO_COLOR: '1' };
    if (deno) assert.equal(run(deno, ['run', '--no-remote', '--allow-read', 'use.mjs'], folder, env), asserted);
    if (bun) assert.equal(run(bun, ['--no-install', 'use.mjs'], folder), asserted);
  });
  await t.test('an origin in Vercel\'s edge runtime', async () => {
    write('use.mjs', `globalThis.tell = (text) => { globalThis.told = text; };\n${asserting(esm)}`);
    const conditions = ['edge-light', 'import'];
    const { outputFiles } = await build({ absWorkingDir: folder, entryPoints: ['use.mjs'], bundle: true, format: 'iife', conditions, write: false });
    const runtime = new EdgeRuntime();
    runtime.evaluate(outputFiles[0].text);
    assert.equal(`${await toldBy(runtime)}\n`, asserted);
  });
  for (const [entry, script, file, expected] of [
    ['portcullis', useOf('portcullis', esm), 'portcullis.wasm', EXPECTED], ['portcullis/bindgen', bound(esm), 'bindgen.wasm', boundTold],
  ]) {
    await t.test(`${entry} in Vercel's edge runtime, which is handed its modules`, async () => {
      write('use.mjs', `globalThis.tell = (text) => { globalThis.told = text; };\n${script}`);
      const { outputFiles } = await build({
        absWorkingDir: folder,
        entryPoints: ['use.mjs'],
        bundle: true,
        format: 'iife',
        conditions: ['edge-light', 'import'],
        write: false,
        plugins: [{
          name: 'modules',
          setup(plugin) {
            // In Next.js, an import of `….wasm?module` is a WebAssembly.Module.
            plugin.onResolve({ filter: /\.wasm\?module$/ }, ({ path }) => ({ path, namespace: 'module' }));
            plugin.onLoad({ filter: /.*/, namespace: 'module' }, () => ({ contents: 'export default globalThis.PORTCULLIS_MODULE;' }));
          },
        }],
      });
      const bytes = readFileSync(join(folder, 'node_modules/portcullis/dist', file));
      const runtime = new EdgeRuntime({
        extend: (context) => Object.assign(context, { PORTCULLIS_MODULE: new WebAssembly.Module(bytes) }),
      });
      const forbid = 'WebAssembly.Module = class { constructor() { throw new WebAssembly.CompileError("forbidden"); } };';
      runtime.evaluate(forbid + outputFiles[0].text);
      assert.equal(`${await toldBy(runtime)}\n`, expected);
    });
  }
  await t.test('Node, slim with the module of the package, which is told of where it is missing', () => {
    write('use.mjs', `
      import { readFileSync } from 'node:fs';
      import { createVerifier, init } from 'portcullis/slim';
      const codes = [];
      const make = () => { try { return createVerifier({ root: '${root}' }).verify('').code; } catch (error) { return error.code; } };
      codes.push(make());
      init(new WebAssembly.Module(readFileSync(new URL(import.meta.resolve('portcullis/verifier.wasm')))));
      codes.push(make());
      console.log(codes.join());
    `);
    assert.equal(run('node', ['use.mjs'], folder), 'wasm_unavailable,malformed_empty\n');
  });
  await t.test('Node, where code may not be made from bytes: auto takes the other engine', () => {
    write('forbid.mjs', `
      const forbid = class { constructor() { throw new WebAssembly.CompileError('blocked'); } };
      WebAssembly.Module = forbid;
    `);
    write('use.mjs', `
      import { createVerifier, engine } from 'portcullis/auto';
      import { createVerifier as inline } from 'portcullis';
      const why = () => { try { return inline({ root: '${root}' }); } catch (error) { return error.code; } };
      console.log(engine, createVerifier({ root: '${root}' }).verify('').code, why());
    `);
    assert.equal(run('node', ['--import', './forbid.mjs', 'use.mjs'], folder), 'javascript malformed_empty wasm_unavailable\n');
    assert.match(run('node', ['use.mjs'], folder), /^wasm malformed_empty \[object Object\]|^wasm malformed_empty Verifier/);
    // An engine that refuses modules with vector instructions.
    write('old.mjs', 'WebAssembly.validate = (bytes) => !Array.from(bytes).includes(0x7b);');
    assert.match(run('node', ['--import', './old.mjs', 'use.mjs'], folder), /^javascript malformed_empty/);
  });
});

test('the types hold, of modules and of CommonJS, and linters of packages find nothing', async (t) => {
  const { folder, tarball } = install(t);
  const write = (name, text) => writeFileSync(join(folder, name), text);
  await t.test('types', () => {
    write('use.ts', EXHAUSTIVE + DEMANDS + BINDGEN + sameNames(CALLS));
    write('use.cts', EXHAUSTIVE + DEMANDS + BINDGEN + sameNames(CALLS));
    const compiler = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
    const strict = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'es2022'];
    const modules = ['--module', 'nodenext', '--lib', 'es2022,dom', '--types', '', '--skipLibCheck'];
    // The frameworks' own types, which a user installs as well.
    for (const name of ['hono', 'fastify']) symlinkSync(join(MODULES, name), join(folder, 'node_modules', name));
    run('node', [join(compiler, 'bin/tsc'), ...strict, ...modules, 'use.ts', 'use.cts'], folder);
  });
  await t.test('publint', async () => {
    const { publint } = await import('publint');
    const { messages } = await publint({ pkgDir: join(folder, 'node_modules/portcullis'), strict: true, pack: false });
    assert.deepEqual(messages, []);
  });
  await t.test('are the types wrong', async () => {
    const script = join(MODULES, '@arethetypeswrong/cli/dist/index.js');
    // Without the resolution of Node 10. Two entries are ES modules only, because they use top-level await.
    const asked = ['--profile', 'node16', '--ignore-rules', 'cjs-resolves-to-esm', '--exclude-entrypoints', 'verifier.wasm'];
    run('node', [script, tarball, '--format', 'ascii', '--no-definitely-typed', ...asked], folder);
  });
});
