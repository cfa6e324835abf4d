// The shared vectors in workerd: one Worker that imports the package's own entry, and the engine in
// JavaScript, and is told each vector over HTTP.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { expected, vectors } from './vectors.mjs';
import { startWorker } from './workerd.mjs';

const WORKER = `
  import { createVerifier } from './js/entry/workerd.js';
  import * as pure from './js/entry/pure.js';
  import { verifyVector, verifyByPlatform } from './test/verify-vector.mjs';
  export default {
    async fetch(request) {
      const vector = await request.json();
      const engines = [createVerifier, pure.createVerifier];
      const codes = await Promise.all(engines.map((create) => verifyByPlatform(create, vector)));
      return Response.json({ verdicts: engines.map((create) => verifyVector(create, vector)), codes });
    },
  };
`;
let worker;

before(async () => {
  worker = await startWorker(WORKER, ['test/verify-vector.mjs']);
});

after(() => worker.stop());

for (const vector of vectors) {
  test(`${vector.name}: ${vector.about}`, async () => {
    const answer = await fetch(worker.url, { method: 'POST', body: JSON.stringify(vector) });
    const { verdicts, codes } = await answer.json();
    for (const verdict of verdicts) assert.deepEqual(verdict, expected(vector));
    for (const code of codes) assert.equal(code, expected(vector).code, 'by WebCrypto');
  });
}
