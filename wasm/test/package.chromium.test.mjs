// The package's browser entry in Chromium, served as plain files without a bundler.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { browserTest, launch } from './browser.mjs';
import { close, files, fixtures, issuer, listen, lists, now, root, tokens } from './support.mjs';

const TYPES = { js: 'text/javascript', wasm: 'application/wasm', html: 'text/html' };

async function site(t, types) {
  const server = createServer((request, response) => {
    if (!/^\/(js|dist)(\/[\w-]+)+\.(js|wasm)$/.test(request.url)) {
      response.setHeader('content-type', 'text/html').end('<!doctype html><title>test</title>');
      return;
    }
    response.setHeader('content-type', types[request.url.split('.').pop()]);
    response.end(readFileSync(new URL(`..${request.url}`, import.meta.url)));
  });
  const port = await listen(server);
  t.after(() => close(server));
  const browser = await launch();
  t.after(() => browser.close());
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${port}/`);
  return page;
}

browserTest('in Chromium: keys are verified, and a refresh brings a revocation', async (t) => {
  const server = await issuer(files(lists.first));
  t.after(server.close);
  const page = await site(t, TYPES);
  const verify = (given) =>
    page.evaluate(async ({ root, url, now, tokens }) => {
      const { createVerifier, httpSource } = await import('/js/entry/streaming.js');
      globalThis.verifier ??= createVerifier({ root, source: httpSource(url) });
      await globalThis.verifier.refresh({ now });
      return tokens.map((token) => globalThis.verifier.verify(token, { now }));
    }, given);
  const given = {
    root,
    url: server.url,
    now,
    tokens: [
      tokens.publishable,
      tokens.revokedInSecond,
      tokens.secret,
      tokens.ofOtherIssuer,
      `${tokens.publishable.slice(0, -1)}\ud800`,
      'x'.repeat(10_000_000),
    ],
  };
  const told = (verdicts) => verdicts.map(({ ok, code }) => (ok ? 'accepted' : code));
  const first = await verify(given);
  assert.deepEqual(told(first), [
    'accepted', 'accepted', 'secret_not_held', 'bad_signature', 'malformed_character',
    'malformed_too_long',
  ]);
  assert.equal(first[0].key.issuer, fixtures.issuer);
  server.served = files(lists.second);
  assert.equal((await verify(given))[1].code, 'revoked');
});

browserTest('in Chromium: a server that does not know wasm will do', async (t) => {
  const page = await site(t, { ...TYPES, wasm: 'application/octet-stream' });
  const code = await page.evaluate(async (root) => {
    const { createVerifier } = await import('/js/entry/streaming.js');
    return createVerifier({ root }).verify('x').code;
  }, root);
  assert.equal(code, 'malformed_prefix');
});
