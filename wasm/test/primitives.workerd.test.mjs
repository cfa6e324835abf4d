// Third-party vectors in workerd, for the module, the engine in JavaScript and WebCrypto.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { assertSignatures, assertTags, modulePath, signatures, tags } from './primitives.mjs';
import { startWorker } from './workerd.mjs';

const WORKER = `
  import { verifySignatures, verifyTags } from './test/verify-primitives.mjs';
  import module from './primitives.wasm';
  const { exports } = new WebAssembly.Instance(module);
  export default {
    async fetch(request) {
      const verify = request.url.endsWith('/tags') ? verifyTags : verifySignatures;
      return Response.json(await verify(await request.json(), exports));
    },
  };
`;
let worker;

async function told(path, vectors) {
  const answer = await fetch(worker.url + path, { method: 'POST', body: JSON.stringify(vectors) });
  assert.equal(answer.status, 200);
  return answer.json();
}

before(async () => {
  worker = await startWorker(WORKER, ['test/verify-primitives.mjs'], { 'primitives.wasm': modulePath() });
});

after(() => worker.stop());

for (const [source, vectors] of Object.entries(signatures)) {
  test(`Ed25519 in workerd, the vectors of ${source}`, async (t) => {
    const { asked, lenient, ...rest } = await told('signatures', vectors);
    t.diagnostic(`${asked} come to WebCrypto; it accepts ${lenient} of the others, which we refuse`);
    assertSignatures(source, rest);
  });
}

test('HMAC-SHA256 in workerd, the vectors of wycheproof', async () => {
  assertTags(await told('tags', tags));
});
