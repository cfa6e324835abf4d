// The console in Chromium, against a real issuer: the browser verifies as the gate does.

import assert from 'node:assert/strict';

import { browserTest, launch } from '../../wasm/test/browser.mjs';
import { serve as serveConsole } from '../../www/serve.mjs';
import { startGate } from './support/gate.mjs';
import { startOrigin } from './support/http.mjs';
import { startIssuer } from './support/issuer.mjs';
import { atEnd, until } from './support/processes.mjs';

async function open(issuer) {
  const site = await serveConsole({ issuer: issuer.url, root: issuer.root });
  atEnd(() => new Promise((resolve) => site.close(resolve) && site.closeAllConnections()));
  const browser = await launch();
  atEnd(() => browser.close());
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${site.address().port}/`);
  const shows = (id, text) =>
    page.waitForFunction(([id, text]) => document.getElementById(id).textContent.includes(text), [id, text]);
  return { page, shows, paste: (text) => page.getByLabel('API key').fill(text) };
}

browserTest('a publishable key is accepted, and refused by itself once it is revoked, at gate and browser', async () => {
  const [issuer, origin] = await Promise.all([startIssuer(), startOrigin()]);
  const gate = await startGate({
    ISSUER_URL: issuer.url,
    ORIGIN_URL: origin.url,
    ROOT: issuer.root,
    KIND: 'publishable',
  });
  const { page, shows, paste } = await open(issuer);
  const key = await issuer.create('--kind', 'publishable');
  await paste(key.token);
  await shows('title', 'Accepted');
  assert.ok((await page.locator('#facts').innerText()).includes(key.id));
  assert.equal((await gate.ask(key.token)).status, 200);
  await issuer.revoke(key.id);
  await shows('title', 'Revoked');
  await until('the gate refuses', async () => (await gate.ask(key.token)).status === 401);
});

browserTest('of an HMAC key the browser says that only gates can verify it', async () => {
  const issuer = await startIssuer();
  const { shows, paste } = await open(issuer);
  await paste((await issuer.create()).token);
  await shows('code', 'secret_not_held');
  await shows('why', 'gates');
});

browserTest('keys of others, expired keys and nonsense are told apart', async () => {
  const [issuer, other] = await Promise.all([startIssuer(), startIssuer()]);
  const { shows, paste } = await open(issuer);
  await paste((await other.create('--kind', 'publishable')).token);
  await shows('code', 'bad_signature');
  await paste('pk_live_nonsense');
  await shows('code', 'malformed_length');
  const { token } = await issuer.create('--kind', 'publishable', '--expires-in', '3s');
  await paste(token);
  await shows('code', 'expired');
});
