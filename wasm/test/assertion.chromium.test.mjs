// The shared vectors of assertions in Chromium, with and without its WebCrypto: a service worker can be
// an origin too.

import assert from 'node:assert/strict';

import { expectedAssertion, vectors } from './assertions.mjs';
import { browserTest, launch, packageServer } from './browser.mjs';

browserTest('the shared vectors of assertions in Chromium: one verdict, whatever checks the signature', async (t) => {
  const url = await packageServer(t);
  const browser = await launch();
  t.after(() => browser.close());
  const page = await browser.newPage();
  await page.goto(url);
  for (const how of ['WebCrypto', 'noble']) {
    const verdicts = await page.evaluate(async ({ all, noble }) => {
      const { createAssertionVerifier } = await import('/js/assertion/verifier.js');
      const { platform } = await import('/js/shared/platform.js');
      const { verifyAssertion } = await import('/test/verify-assertion.mjs');
      platform.verifyEd25519 = noble ? () => undefined : undefined;
      const found = [];
      for (const vector of all) found.push(await verifyAssertion(createAssertionVerifier, vector));
      return found;
    }, { all: vectors, noble: how === 'noble' });
    for (const [at, vector] of vectors.entries()) assert.deepEqual(verdicts[at], expectedAssertion(vector), `${how}, ${vector.name}`);
  }
});
