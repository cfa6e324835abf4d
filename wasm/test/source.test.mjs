// Refreshing over HTTP: which files are fetched, in which order, and that a bad source can do no more
// than withhold them.

import assert from 'node:assert/strict';
import { test as nodeTest } from 'node:test';
import { createVerifier, httpSource } from 'portcullis';
import { bytes, files, fixtures, issuer, lists, now, root, tokens } from './support.mjs';

const secondKeyring = fixtures.keyrings[1];

/** A fetch that never ends fails its test, instead of blocking the run. */
const test = (name, body) => nodeTest(name, { timeout: 60_000 }, body);

async function started(served, options) {
  const server = await issuer(served);
  const verifier = createVerifier({ root, source: httpSource(server.url, options) });
  return { server, verifier };
}

const sorted = (names) => names.map((name) => name.split('/')[0]);

test('a cold start takes one file, a quiet refresh one small one', async (t) => {
  const { server, verifier } = await started(files(lists.first));
  t.after(server.close);
  assert.equal(verifier.verify(tokens.publishable, { now }).code, 'list_missing');
  const list = await verifier.refresh({ now });
  assert.equal(list.number, 1);
  assert.equal(list.freshness, 'fresh');
  assert.deepEqual(server.asked, ['bundle']);
  await verifier.refresh({ now });
  assert.deepEqual(server.asked, ['bundle', 'stamp']);
  assert.equal(verifier.verify(tokens.publishable, { now }).ok, true);
});

test('a revocation arrives as stamp, head and the one body that changed', async (t) => {
  const { server, verifier } = await started(files(lists.first));
  t.after(server.close);
  await verifier.refresh({ now });
  assert.equal(verifier.verify(tokens.revokedInSecond, { now }).ok, true);
  server.asked.length = 0;
  server.served = files(lists.second);
  await verifier.refresh({ now });
  assert.deepEqual(sorted(server.asked), ['stamp', 'heads', 'bodies']);
  assert.equal(verifier.verify(tokens.revokedInSecond, { now }).code, 'revoked');
  server.served = files(lists.first);
  await assert.rejects(verifier.refresh({ now }), { code: 'list_rollback' });
  assert.equal(verifier.verify(tokens.revokedInSecond, { now }).code, 'revoked');
});

test('without a bundle the parts will do', async (t) => {
  const { server, verifier } = await started({ ...files(lists.second), bundle: undefined });
  t.after(server.close);
  await verifier.refresh({ now });
  assert.deepEqual(sorted(server.asked), ['bundle', 'keyring', 'stamp', 'heads', 'bodies', 'bodies']);
  assert.equal(verifier.verify(tokens.revokedInSecond, { now }).code, 'revoked');
});

test('a list under a newer keyring fetches that keyring first', async (t) => {
  const { server, verifier } = await started(files(lists.first));
  t.after(server.close);
  await verifier.refresh({ now });
  server.asked.length = 0;
  server.served = files(lists.underSecondKeyring, secondKeyring);
  await verifier.refresh({ now });
  assert.deepEqual(sorted(server.asked), ['stamp', 'keyring', 'stamp', 'heads']);
  assert.equal(verifier.status({ now }).keyring.version, 2);
  assert.equal(verifier.status({ now }).list.number, 3);
});

test('a keyring that nobody mentions is found within a minute', async (t) => {
  const { server, verifier } = await started(files(lists.first));
  t.after(server.close);
  await verifier.refresh({ now });
  server.served = files(lists.renewed, secondKeyring);
  await verifier.refresh({ now: now + 59_000 });
  assert.equal(verifier.status({ now }).keyring.version, 1);
  await verifier.refresh({ now: now + 60_000 });
  assert.equal(verifier.status({ now }).keyring.version, 2);
});

test('two keyrings that contradict each other are reported, and the list counts on', async (t) => {
  const { server, verifier } = await started(files(lists.underSecondKeyring, secondKeyring));
  t.after(server.close);
  await verifier.refresh({ now: now - 5_000 });
  server.served.keyring = bytes(fixtures.contradictingKeyring);
  await assert.rejects(verifier.refresh({ now: now + 55_000 }), { code: 'keyring_equivocation' });
  assert.equal(verifier.verify(tokens.publishable, { now }).ok, true);
});

test('parts that are gone because the list moved on are asked for again', async (t) => {
  const { server, verifier } = await started(files(lists.first));
  t.after(server.close);
  await verifier.refresh({ now });
  const next = files(lists.second);
  let stamps = 0;
  server.served = {
    ...next,
    stamp: (response) => {
      stamps += 1;
      if (stamps === 2) server.served = next;
      response.end(next.stamp);
    },
    [Object.keys(next).find((name) => name.startsWith('heads/'))]: undefined,
  };
  await verifier.refresh({ now });
  assert.equal(verifier.status({ now }).list.number, 2);
});

test('a file that is not the one announced is not taken', async (t) => {
  const { server, verifier } = await started(files(lists.first));
  t.after(server.close);
  await verifier.refresh({ now });
  const next = files(lists.second);
  const head = Object.keys(next).find((name) => name.startsWith('heads/'));
  next[head] = next[head].slice();
  next[head][40] ^= 1;
  server.served = next;
  await assert.rejects(verifier.refresh({ now }), { code: 'list_wrong_digest' });
  assert.equal(verifier.status({ now }).list.number, 1);
});

test('callers at the same time share their fetches', async (t) => {
  const { server, verifier } = await started(files(lists.first));
  t.after(server.close);
  await Promise.all([verifier.refresh({ now }), verifier.refresh({ now }), verifier.refresh({ now })]);
  assert.deepEqual(server.asked, ['bundle']);
});

test('reads are bounded in size and time, and errors say which', async (t) => {
  const { server, verifier } = await started(files(lists.first), { timeout: 200 });
  t.after(server.close);
  await verifier.refresh({ now });
  const stamp = (answer) => {
    server.served = { ...server.served, stamp: answer };
    return verifier.refresh({ now });
  };
  await assert.rejects(stamp(new Uint8Array(5000)), { code: 'source_too_large' });
  await assert.rejects(stamp((response) => response.write('x')), { code: 'source_timeout' });
  await assert.rejects(stamp((response) => response.destroy()), { code: 'source_unreachable' });
  await assert.rejects(stamp((response) => response.writeHead(500).end()), { code: 'source_status' });
  await assert.rejects(stamp(new Uint8Array(0)), { code: 'list_unreadable' });
  assert.equal(verifier.verify(tokens.publishable, { now }).ok, true);
  await server.close();
  await assert.rejects(verifier.refresh({ now }), { code: 'source_unreachable' });
});

test('an issuer below a path is asked below that path', async () => {
  const asked = [];
  const fetch = async (address) => {
    asked.push(address);
    return new Response(bytes(lists.first.bundle));
  };
  const source = httpSource('https://example.com/keys', { fetch });
  await createVerifier({ root, source }).refresh({ now });
  assert.deepEqual(asked, ['https://example.com/keys/.well-known/portcullis/bundle']);
});

test('misuse', async () => {
  await assert.rejects(createVerifier({ root }).refresh(), { code: 'source_missing' });
  assert.throws(() => httpSource('file:///etc/passwd'), TypeError);
  assert.throws(() => httpSource('not an address'), TypeError);
});
