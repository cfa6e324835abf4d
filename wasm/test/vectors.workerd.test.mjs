// The shared vectors in workerd: one Worker that imports the package's own entry and is told each
// vector over HTTP.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { expected, vectors } from './vectors.mjs';
import { startWorker } from './workerd.mjs';

const WORKER = `
  import { createVerifier } from './js/workerd.js';
  import { judge } from './test/judge.mjs';
  export default {
    async fetch(request) {
      return Response.json(judge(createVerifier, await request.json()));
    },
  };
`;
let worker;

before(async () => {
  worker = await startWorker(WORKER, ['test/judge.mjs']);
});

after(() => worker.stop());

for (const vector of vectors) {
  test(`${vector.name}: ${vector.about}`, async () => {
    const answer = await fetch(worker.url, { method: 'POST', body: JSON.stringify(vector) });
    assert.deepEqual(await answer.json(), expected(vector));
  });
}
