// The shared vectors in Chromium, for the wasm module and the engine in JavaScript.

import assert from 'node:assert/strict';
import { browserTest, launch, packageServer } from './browser.mjs';
import { assignments, expected, vectors } from './vectors.mjs';

browserTest('the shared vectors in Chromium: one verdict, whatever verifies', async (t) => {
  const url = await packageServer(t);
  const browser = await launch();
  t.after(() => browser.close());
  for (const entry of ['entry/inline', 'entry/pure', 'bindgen/inline']) {
    const page = await browser.newPage();
    await page.goto(url);
    const { verdicts, codes, assigned, first } = await page.evaluate(async ({ vectors: all, assignments: others, path }) => {
      const started = performance.now();
      const { Verifier, createVerifier = (options) => new Verifier(options) } = await import(path);
      const { verifyAssignment, verifyVector, verifyByPlatform } = await import('/test/verify-vector.mjs');
      const one = verifyVector(createVerifier, all[0]);
      const took = performance.now() - started;
      const codesByPlatform = [];
      // The wasm-bindgen class verifies keys, not requests.
      if (Verifier === undefined) for (const vector of all) codesByPlatform.push(await verifyByPlatform(createVerifier, vector));
      return { verdicts: [one, ...all.slice(1).map((vector) => verifyVector(createVerifier, vector))], codes: codesByPlatform, assigned: await Promise.all(others.map((vector) => verifyAssignment(createVerifier, vector, Verifier !== undefined))), first: took };
    }, { vectors, assignments, path: `/js/${entry}.js` });
    t.diagnostic(`${entry}: ${first.toFixed(1)} ms from import to the first verdict, files by loopback`);
    for (const [at, vector] of vectors.entries()) {
      assert.deepEqual(verdicts[at], expected(vector), `${entry}, ${vector.name}`);
      if (entry !== 'bindgen/inline') assert.equal(codes[at], expected(vector).code, `WebCrypto and then ${entry}, ${vector.name}`);
    }
    for (const [at, vector] of assignments.entries()) assert.deepEqual(assigned[at], expected(vector), `${entry}, ${vector.name}`);
    await page.close();
  }
});
