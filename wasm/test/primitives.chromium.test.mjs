// Third-party vectors in Chromium, for the module, the engine in JavaScript and WebCrypto.

import { readFileSync } from 'node:fs';

import { browserTest, launch, packageServer } from './browser.mjs';
import { assertSignatures, assertTags, modulePath, signatures, tags } from './primitives.mjs';

browserTest('Ed25519 and HMAC-SHA256 in Chromium, the vectors of others', async (t) => {
  const url = await packageServer(t);
  const browser = await launch();
  t.after(() => browser.close());
  const page = await browser.newPage();
  await page.goto(url);
  const module = readFileSync(modulePath()).toString('base64');
  const told = await page.evaluate(async ({ signatures: all, tags: allTags, module: encoded }) => {
    const { verifySignatures, verifyTags } = await import('/test/verify-primitives.mjs');
    const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
    const { exports } = (await WebAssembly.instantiate(bytes, {})).instance;
    const verified = {};
    for (const [source, vectors] of Object.entries(all)) verified[source] = await verifySignatures(vectors, exports);
    return { verified, tags: verifyTags(allTags, exports) };
  }, { signatures, tags, module });
  for (const source of Object.keys(signatures)) {
    const { asked, lenient } = told.verified[source];
    t.diagnostic(`${source}: ${asked} come to WebCrypto; it accepts ${lenient} of the others, which we refuse`);
    assertSignatures(source, told.verified[source]);
  }
  assertTags(told.tags);
});
