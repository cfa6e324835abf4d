// The shared vectors in Chromium, for the wasm module and the engine in JavaScript.

import assert from 'node:assert/strict';
import { browserTest, launch, packageServer } from './browser.mjs';
import { expected, vectors } from './vectors.mjs';

browserTest('the shared vectors in Chromium: one verdict, whatever verifies', async (t) => {
  const url = await packageServer(t);
  const browser = await launch();
  t.after(() => browser.close());
  for (const entry of ['entry/inline', 'entry/pure', 'bindgen/inline']) {
    const page = await browser.newPage();
    await page.goto(url);
    const { verdicts, codes, first } = await page.evaluate(async ({ vectors: all, path }) => {
      const started = performance.now();
      const { Verifier, createVerifier = (options) => new Verifier(options) } = await import(path);
      const { verifyVector, verifyByPlatform } = await import('/test/verify-vector.mjs');
      const one = verifyVector(createVerifier, all[0]);
      const took = performance.now() - started;
      const codesByPlatform = [];
      // The wasm-bindgen class verifies keys, not requests.
      if (Verifier === undefined) for (const vector of all) codesByPlatform.push(await verifyByPlatform(createVerifier, vector));
      return { verdicts: [one, ...all.slice(1).map((vector) => verifyVector(createVerifier, vector))], codes: codesByPlatform, first: took };
    }, { vectors, path: `/js/${entry}.js` });
    t.diagnostic(`${entry}: ${first.toFixed(1)} ms from import to the first verdict, files by loopback`);
    for (const [at, vector] of vectors.entries()) {
      assert.deepEqual(verdicts[at], expected(vector), `${entry}, ${vector.name}`);
      if (entry !== 'bindgen/inline') assert.equal(codes[at], expected(vector).code, `WebCrypto and then ${entry}, ${vector.name}`);
    }
    await page.close();
  }
});
