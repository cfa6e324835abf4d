// Assertions in workerd: the shared vectors, with and without its WebCrypto, and a Worker as an origin.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { expectedAssertion, vectors } from './assertions.mjs';
import { assertionOf, keyOf, keyringOf } from './assertion-files.mjs';
import { issuer } from './support.mjs';
import { startWorker } from './workerd.mjs';

const WORKER = `
  import { createAssertionVerifier } from './js/assertion/workerd.js';
  import { platform } from './js/shared/platform.js';
  import { verifyAssertion } from './test/verify-assertion.mjs';
  export default {
    async fetch(request) {
      platform.verifyEd25519 = request.url.endsWith('/noble') ? () => undefined : undefined;
      return Response.json(await verifyAssertion(createAssertionVerifier, await request.json()));
    },
  };
`;
let worker;

before(async () => {
  worker = await startWorker(WORKER, ['test/verify-assertion.mjs']);
});

after(() => worker.stop());

for (const vector of vectors) {
  test(`${vector.name}: ${vector.about}`, async () => {
    for (const how of ['', 'noble']) {
      const answer = await fetch(worker.url + how, { method: 'POST', body: JSON.stringify(vector) });
      assert.deepEqual(await answer.json(), expectedAssertion(vector), how);
    }
  });
}

test('a Worker that is an origin fetches the keyring, whatever becomes of the request that made it', async (t) => {
  const notAfter = Date.now() + 86_400_000;
  const keyring = keyringOf({ notAfter, signers: [{ kid: 9, seed: 9 }] });
  // So slow that the first request has ended before the keyring arrives.
  const slow = (response) => setTimeout(() => response.end(keyring), 600);
  const server = await issuer({ keyring: slow });
  t.after(server.close);
  const origin = await startWorker(`
    import { createAssertionVerifier, httpSource } from './js/assertion/workerd.js';
    import { protect, requireScopes } from './js/middleware/fetch.js';
    import { platform } from './js/shared/platform.js';
    // A request must not await another request's fetch, because workerd cancels a fetch with its request.
    if (platform.sharesPromises) throw new Error('requests share promises');
    const assertions = createAssertionVerifier({
      root: '${keyOf(1).text}', audience: 'origin.example', source: httpSource('${server.url}'), freshFor: 1000,
    });
    const demand = requireScopes('orders:read');
    export default {
      fetch: protect(assertions, (request, asserted) => demand(asserted) ?? Response.json(asserted.key.owner)),
    };
  `);
  t.after(() => origin.stop());
  const ask = async (said, init) => {
    const headers = { 'portcullis-assertion': assertionOf({ at: Date.now(), scopes: 'orders:*', ...said }) };
    const response = await fetch(origin.url, { headers, ...init });
    return [response.status, await response.text()];
  };
  await assert.rejects(ask({}, { signal: AbortSignal.timeout(100) }));
  const answers = await Promise.all(Array.from({ length: 20 }, (_, owner) => ask({ owner: owner + 1 })));
  assert.deepEqual(answers, answers.map((_, owner) => [200, String(owner + 1)]));
  assert.ok(server.asked.length <= 3, `${server.asked.length} fetches`);

  server.served = { keyring: keyringOf({ version: 2, notAfter, signers: [{ kid: 9, seed: 9, state: 4 }, { kid: 10, seed: 10 }] }) };
  const until = Date.now() + 20_000;
  while ((await ask({}))[0] !== 403 && Date.now() < until) await new Promise((done) => { setTimeout(done, 20); });
  assert.equal((await ask({}))[0], 403, 'the retired signer is refused');
  assert.deepEqual(await ask({ kid: 10, seed: 10, owner: 5 }), [200, '5']);
});
