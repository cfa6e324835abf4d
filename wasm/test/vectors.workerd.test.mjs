// The shared vectors in workerd: one Worker imports the package's entry and the engine in JavaScript,
// and gets each vector over HTTP.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { assignments, expected, vectors } from './vectors.mjs';
import { startWorker } from './workerd.mjs';

const WORKER = `
  import { Verifier as Bound } from './js/bindgen/workerd.js';
  import { createVerifier } from './js/entry/workerd.js';
  import * as pure from './js/entry/pure.js';
  import { verifyAssignment, verifyVector, verifyByPlatform } from './test/verify-vector.mjs';
  export default {
    async fetch(request) {
      const vector = await request.json();
      const engines = [createVerifier, pure.createVerifier];
      if (new URL(request.url).pathname === '/assignment') {
        const verdicts = engines.map((create) => verifyAssignment(create, vector));
        verdicts.push(verifyAssignment((options) => new Bound(options), vector, true));
        return Response.json({ verdicts: await Promise.all(verdicts) });
      }
      const codes = await Promise.all(engines.map((create) => verifyByPlatform(create, vector)));
      const all = [...engines, (options) => new Bound(options)];
      return Response.json({ verdicts: all.map((create) => verifyVector(create, vector)), codes });
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
    assert.equal(verdicts.length, 3);
    for (const verdict of verdicts) assert.deepEqual(verdict, expected(vector));
    for (const code of codes) assert.equal(code, expected(vector).code, 'by WebCrypto');
  });
}

for (const vector of assignments) {
  test(`assignment, ${vector.name}: ${vector.about}`, async () => {
    const address = new URL('/assignment', worker.url);
    const answer = await fetch(address, { method: 'POST', body: JSON.stringify(vector) });
    const { verdicts } = await answer.json();
    assert.equal(verdicts.length, 3);
    for (const verdict of verdicts) assert.deepEqual(verdict, expected(vector));
  });
}
