// The package in workerd.

import assert from 'node:assert/strict';
import test from 'node:test';
import { files, fixtures, issuer, lists, now, root, tokens } from './support.mjs';
import { startWorker } from './workerd.mjs';

const WORKER = `
  import { createVerifier, httpSource } from './js/entry/workerd.js';
  let verifier;
  export default {
    async fetch(request) {
      try {
        const { issuer, make, refresh, verify } = await request.json();
        if (make) verifier = createVerifier({ ...make, source: httpSource(issuer) });
        if (refresh) await verifier.refresh(refresh);
        return Response.json(verify.map(({ token, ...options }) => verifier.verify(token, options)));
      } catch (error) {
        return Response.json({ thrown: { name: error.name, code: error.code, message: error.message } });
      }
    },
  };
`;

test('in workerd: keys are verified, and a refresh brings a revocation', async (t) => {
  const server = await issuer(files(lists.first));
  t.after(server.close);
  const worker = await startWorker(WORKER);
  t.after(worker.stop);
  const ask = async (question) => {
    const init = { method: 'POST', body: JSON.stringify(question) };
    return (await fetch(worker.url, init)).json();
  };
  const secrets = [{ kid: 1, secret: fixtures.secret }];
  const verify = [
    { token: tokens.publishable, now, kind: 'publishable', environment: 'live' },
    { token: tokens.secret, now },
    { token: tokens.revokedInSecond, now },
    { token: tokens.ofOtherIssuer, now },
    { token: tokens.revokedLater, now: now + 30_000 },
    { token: `${tokens.publishable}\u{141}`, now },
    { token: 'x'.repeat(1_000_000), now },
  ];
  const told = (verdicts) => verdicts.map(({ ok, code }) => (ok ? 'accepted' : code));

  const first = await ask({ issuer: server.url, make: { root, secrets }, refresh: { now }, verify });
  assert.equal(first.thrown, undefined, JSON.stringify(first.thrown));
  assert.deepEqual(told(first), [
    'accepted', 'accepted', 'accepted', 'bad_signature', 'revoked', 'malformed_character',
    'malformed_too_long',
  ]);
  assert.equal(first[0].key.owner, 42);
  assert.deepEqual(server.asked, ['bundle']);

  // Another request uses the same verifier, and can refresh it.
  server.served = files(lists.second);
  const second = await ask({ refresh: { now }, verify: verify.slice(0, 3) });
  assert.deepEqual(told(second), ['accepted', 'accepted', 'revoked']);

  const thrown = await ask({ verify: [{ token: 7 }] });
  assert.equal(thrown.thrown.name, 'TypeError');
  await server.close();
  const down = await ask({ refresh: { now }, verify: [] });
  assert.equal(down.thrown.code, 'source_unreachable');
});
