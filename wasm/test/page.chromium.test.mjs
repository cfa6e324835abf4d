// The page in www, in Chromium, against an issuer that serves the fixtures' files.

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { serve } from '../../www/serve.mjs';
import { browserTest, launch } from './browser.mjs';
import { close, files, fixtures, issuer, lists, now, root, tokens } from './support.mjs';

async function opened(t, { served = files(lists.first), query = '', pin = root } = {}) {
  const server = await issuer(served);
  t.after(server.close);
  const site = await serve({ issuer: server.url, root: pin });
  t.after(() => close(site));
  const browser = await launch();
  t.after(() => browser.close());
  const page = await browser.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  const asked = [];
  page.on('request', (request) => asked.push(request.url()));
  await page.clock.setFixedTime(now);
  await page.goto(`http://127.0.0.1:${site.address().port}/${query}`);
  const until = (id, text) =>
    page.waitForFunction(([id, text]) => document.getElementById(id).textContent.includes(text), [id, text]);
  return { server, page, until, complaints, asked };
}

browserTest('the page: a key is verified while it is typed, and a revocation shows by itself', async (t) => {
  const { server, page, until, complaints, asked } = await opened(t);
  await until('freshness', 'fresh');
  await until('connection-text', 'Connected to iss_');
  assert.equal(await page.locator('#title').textContent(), 'No key yet');
  await page.getByLabel('API key').fill(tokens.revokedInSecond.slice(0, -1));
  await until('title', 'Not a key');
  await page.getByLabel('API key').fill(`  ${tokens.revokedInSecond}\n`);
  await until('title', 'Accepted');
  assert.match(await page.locator('#facts').innerText(), /apk_[0-9A-Za-z]{22}[^]*publishable[^]*live/);
  server.served = files(lists.second);
  await until('title', 'Revoked');
  assert.equal(await page.locator('#code').textContent(), 'revoked');
  assert.match(await page.locator('#turned').textContent(), /accepted here until .* list number 2/);
  assert.equal(await page.locator('#facts').isVisible(), false);
  assert.deepEqual(complaints, []);
  assert.ok(asked.every((address) => !address.includes(tokens.revokedInSecond)));
});

browserTest('the page: time alone revokes', async (t) => {
  const { page, until } = await opened(t);
  await page.getByLabel('API key').fill(tokens.revokedLater);
  await until('title', 'Accepted');
  await page.clock.setFixedTime(now + 30_000);
  await until('title', 'Revoked');
});

browserTest('the page: of an HMAC key it says who can verify it, and warns of the secret', async (t) => {
  const { page, until } = await opened(t);
  await page.getByLabel('API key').fill(tokens.secret);
  await until('title', 'Can’t be verified here');
  await until('why', 'Only its issuer’s own gates');
  await until('secret-warning', 'This is a secret key.');
  await page.getByRole('button', { name: 'Clear' }).click();
  await until('title', 'No key yet');
  assert.equal(await page.locator('#secret-warning').isVisible(), false);
});

browserTest('the page: an issuer that goes away is told, and ends what may be accepted', async (t) => {
  const { server, page, until } = await opened(t);
  await page.getByLabel('API key').fill(tokens.publishable);
  await until('title', 'Accepted');
  server.served = {};
  await until('trouble', 'Keys are still verified against list number 1');
  assert.equal(await page.locator('#title').textContent(), 'Accepted');
  await page.clock.setFixedTime(now + 60_000);
  await until('title', 'Can’t be verified now');
  await until('freshness', 'too old');
});

browserTest('the page: a wrong root, and no root, are said plainly', async (t) => {
  const wrong = await opened(t, { pin: fixtures.otherRoot });
  await wrong.until('trouble', 'Wrong root');
  await wrong.until('connection-text', 'Not connected');
  const none = await opened(t, { pin: '' });
  await none.until('trouble', 'Which issuer?');
  assert.equal(await none.page.getByLabel('Root key').isVisible(), true);
  // The user can still enter a root key.
  await none.page.getByLabel('Root key').fill(root);
  await none.page.getByRole('button', { name: 'Connect' }).click();
  await none.until('connection-text', 'Connected to iss_');
});

browserTest('the page\'s server gives its own files and nothing else', async (t) => {
  const site = await serve({ issuer: 'https://keys.example.com/below', root });
  t.after(() => close(site));
  const { port } = site.address();
  // Sent with `request`, because fetch would normalize the path.
  const get = (path, method = 'GET') =>
    new Promise((resolve, reject) => {
      request({ port, host: '127.0.0.1', path, method }, (response) => {
        response.resume();
        resolve(response);
      }).on('error', reject).end();
    });
  for (const path of ['/', '/app.js', '/portcullis/js/engine/verifier.js', '/portcullis/dist/portcullis.wasm']) {
    assert.equal((await get(path)).statusCode, 200, path);
  }
  for (const path of ['/../Cargo.toml', '/%2e%2e/Cargo.toml', '/portcullis/../serve.mjs', '/serve.mjs', '//', '//app.js',
    '/portcullis/package.json', '/..%5cCargo.toml', '/app.js/', '/app.js%00', 'http://evil/app.jss']) {
    assert.equal((await get(path)).statusCode, 404, path);
  }
  assert.equal((await get('/', 'POST')).statusCode, 405);
  const { headers } = await get('/');
  assert.match(headers['content-security-policy'], /connect-src 'self' https:\/\/keys\.example\.com;/);
  assert.match(headers['content-security-policy'], /script-src 'self' 'wasm-unsafe-eval';/);
  const injected = await get('/?issuer=https://a.example;script-src%20*');
  assert.ok(!/script-src \*/.test(injected.headers['content-security-policy']));
  assert.equal((await get('/portcullis/dist/portcullis.wasm')).headers['content-type'], 'application/wasm');
});
