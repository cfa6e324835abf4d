// The packed package, bundled by several bundlers without configuration for it, in Chromium.

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import test from 'node:test';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import { rollup } from '@rollup/wasm-node';
import { build as esbuild } from 'esbuild';
import { build as vite } from 'vite';
import webpack from 'webpack';
import { browserTest, launch } from './browser.mjs';
import { install } from './packed.mjs';
import { close, fixtures, listen, lists, now, root, tokens } from './support.mjs';

const page = (entry) => `
  import { createVerifier, httpSource } from '${entry}';
  import { protect } from 'portcullis/fetch';
  const bundle = Uint8Array.from(atob('${lists.first.bundle}'), (c) => c.charCodeAt(0));
  const verifier = createVerifier({ root: '${root}', bundle, now: ${now}, source: httpSource('https://keys.example.com') });
  const { ok, key } = verifier.verify('${tokens.publishable}', { now: ${now} });
  const handler = protect(verifier, () => new Response('accepted'), { now: ${now} });
  const request = new Request('https://a.example/', { headers: { 'x-api-key': '${tokens.test}' } });
  handler(request).then((response) => response.text()).then((text) => {
    globalThis.told = [ok, key.issuer, text].join(' ');
  });
`;
const pageOfTheClass = `
  import { Verifier } from 'portcullis/bindgen';
  const bundle = Uint8Array.from(atob('${lists.first.bundle}'), (c) => c.charCodeAt(0));
  const { ok, key } = new Verifier({ root: '${root}', bundle, now: ${now} }).verify('${tokens.publishable}', { now: ${now} });
  globalThis.told = [ok, key.issuer, 'accepted'].join(' ');
`;
const EXPECTED = `true ${fixtures.issuer} accepted`;

// Each bundles `input` in `folder` into `out`, as the bundler's documentation describes.
const bundlers = {
  async vite({ folder, input, out }) {
    writeFileSync(join(folder, 'index.html'), `<!doctype html><script type="module" src="/${input}"></script>`);
    await vite({ root: folder, logLevel: 'error', configFile: false, build: { outDir: out, emptyOutDir: true } });
  },
  async webpack({ folder, input, out }) {
    const options = { context: folder, mode: 'production', entry: `./${input}`, output: { path: out, filename: 'main.js' } };
    const stats = await new Promise((resolve, reject) => {
      webpack(options, (error, result) => (error ? reject(error) : resolve(result)));
    });
    assert.equal(stats.hasErrors(), false, stats.toString('errors-only'));
  },
  async esbuild({ folder, input, out }) {
    await esbuild({ absWorkingDir: folder, entryPoints: [input], bundle: true, minify: true, outfile: join(out, 'main.js'), logLevel: 'error' });
  },
  async rollup({ folder, input, out }) {
    const bundle = await rollup({ input: join(folder, input), plugins: [nodeResolve({ browser: true })] });
    await bundle.write({ dir: out, format: 'es', entryFileNames: 'main.js' });
  },
};

// A page with the bundled scripts and a Content-Security-Policy.
async function site(t, folder, policy) {
  const all = (from) => readdirSync(from, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  const files = new Map(all(folder).map((file) => [file.name, join(file.parentPath ?? file.path, file.name)]));
  const server = createServer((request, response) => {
    const name = request.url.split('/').pop();
    response.setHeader('content-security-policy', policy);
    if (name.endsWith('.js') && files.has(name)) {
      response.setHeader('content-type', 'text/javascript').end(readFileSync(files.get(name)));
      return;
    }
    const written = files.get('index.html');
    const html = written ? readFileSync(written) : '<!doctype html><script type="module" src="/main.js"></script>';
    response.setHeader('content-type', 'text/html').end(html);
  });
  const port = await listen(server);
  t.after(() => close(server));
  return `http://127.0.0.1:${port}/`;
}

browserTest('bundled without any setting, in Chromium', async (t) => {
  const { folder } = install(t);
  const browser = await launch();
  t.after(() => browser.close());
  const told = async (t_, out, policy = "script-src 'self' 'wasm-unsafe-eval'") => {
    const tab = await browser.newPage();
    const errors = [];
    tab.on('pageerror', (error) => errors.push(error.message));
    await tab.goto(await site(t_, out, policy));
    await tab.waitForFunction(() => globalThis.told !== undefined, undefined, { timeout: 20_000 }).catch(() => {});
    const found = await tab.evaluate(() => globalThis.told);
    await tab.close();
    return found ?? errors.join('\n');
  };
  for (const [name, bundle] of Object.entries(bundlers)) {
    for (const [what, script] of [[name, page('portcullis')], [`${name}-bindgen`, pageOfTheClass]]) {
      await t.test(what, async (t_) => {
        const [input, out] = [`page-${what}.js`, join(folder, `out-${what}`)];
        writeFileSync(join(folder, input), script);
        mkdirSync(out);
        await bundle({ folder, input, out });
        assert.equal(await told(t_, out), EXPECTED);
      });
    }
  }
  // The policy of this page forbids WebAssembly.
  for (const [entry, name] of [['portcullis/pure', 'esbuild'], ['portcullis/auto', 'vite'], ['portcullis/auto', 'webpack'], ['portcullis/auto', 'rollup']]) {
    await t.test(`${entry} by ${name}, where the page forbids WebAssembly`, async (t_) => {
      const plain = entry.replace('/', '-');
      const [input, out] = [`page-${plain}-${name}.js`, join(folder, `out-${plain}-${name}`)];
      writeFileSync(join(folder, input), page(entry));
      mkdirSync(out);
      await bundlers[name]({ folder, input, out });
      assert.equal(await told(t_, out, "script-src 'self'"), EXPECTED);
    });
  }
  await t.test('what the package says where the page forbids WebAssembly', async (t_) => {
    assert.match(await told(t_, join(folder, 'out-esbuild'), "script-src 'self'"), /portcullis\/pure/);
  });
});
