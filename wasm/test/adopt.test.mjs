// Creating a verifier and offering it files: each refusal has a code and leaves what was held in
// place.

import assert from 'node:assert/strict';
import test from 'node:test';
import { PortcullisError, createVerifier } from 'portcullis';
import { bytes, fixtures, lists, now, root, tokens } from './support.mjs';

const bundle = bytes(lists.first.bundle);
const throws = (call, code) =>
  assert.throws(call, (error) => {
    assert.ok(error instanceof PortcullisError, String(error));
    assert.equal(error.name, 'PortcullisError');
    assert.equal(error.code, code);
    assert.ok(error.message.length > 10);
    return true;
  });

test('a root is 43 characters of base64url that name a key', () => {
  throws(() => createVerifier({ root: 'no' }), 'root_unreadable');
  throws(() => createVerifier({ root: `${root}A` }), 'root_unreadable');
  throws(() => createVerifier({ root: `AQ${'A'.repeat(41)}` }), 'root_small_order');
  const second = Buffer.alloc(32, 0xff);
  second[0] = 0xf0;
  second[31] = 0x7f;
  throws(() => createVerifier({ root: second.toString('base64url') }), 'root_not_canonical');
});

test('misuse is a TypeError', () => {
  for (const options of [undefined, null, {}, { root: 7 }, { root, bundle: 'text' }, { root, keyring: [] },
    { root, secrets: [fixtures.secret] },
    { root, secrets: [{ kid: 65536, secret: fixtures.secret }] }, { root, secrets: { kid: 1 } },
    { root, secrets: [{ kid: 1, secret: 7 }] }, { root, secrets: [{ kid: '1', secret: fixtures.secret }] }, { root, source: 'https://example.com' }, { root, freshFor: 'a' }]) {
    assert.throws(() => createVerifier(options), TypeError);
  }
});

test('secrets are held against the keyring', () => {
  const make = (kid, secret) => createVerifier({ root, bundle, now, secrets: [{ kid, secret }] });
  throws(() => make(1, 'short'), 'secret_length');
  throws(() => make(1, new Uint8Array(31)), 'secret_length');
  throws(() => make(1, new Uint8Array(32)), 'secret_wrong');
  throws(() => make(2, fixtures.secret), 'secret_without_kid');
  assert.deepEqual(make(8, fixtures.secret).status({ now }).waitingSecrets, [8]);
});

test('a wrong secret that waited is told with the keyring, which counts all the same', () => {
  const verifier = createVerifier({ root, secrets: [{ kid: 1, secret: new Uint8Array(32) }] });
  throws(() => verifier.adopt(bundle, { now }), 'secret_wrong');
  assert.equal(verifier.verify(tokens.publishable, { now }).ok, true);
  assert.equal(verifier.verify(tokens.secret, { now }).code, 'secret_not_held');
  assert.equal(verifier.adopt(bundle, { now }), false);
});

test('a newer list revokes; the same one is no news; an older one is refused', () => {
  const verifier = createVerifier({ root, bundle, now });
  const token = tokens.revokedInSecond;
  assert.equal(verifier.verify(token, { now }).ok, true);
  assert.equal(verifier.adopt(bundle, { now }), false);
  assert.equal(verifier.adopt(bytes(lists.second.bundle).buffer, { now }), true);
  assert.equal(verifier.verify(token, { now }).code, 'revoked');
  throws(() => verifier.adopt(bundle, { now }), 'list_rollback');
  assert.equal(verifier.verify(token, { now }).code, 'revoked');
});

test('a renewed stamp makes the list younger', () => {
  const verifier = createVerifier({ root, bundle, now });
  assert.equal(verifier.adopt(bytes(lists.renewed.bundle), { now }), true);
  assert.equal(verifier.status({ now }).list.nextUpdate, now + 64_000);
});

// Files from an attacker, a cache or an accident, and the code of each.
const foreign = bytes(lists.foreign.bundle);
const refused = {
  list_equivocation: bytes(lists.contradicting.bundle),
  list_from_the_future: bytes(lists.future.bundle),
  list_too_long_valid: bytes(lists.tooLong.bundle),
  keyring_not_signed_by_root: foreign,
  list_unreadable: new Uint8Array(0),
  list_too_new: bytes(lists.tooNew.bundle),
};

for (const [code, file] of Object.entries(refused)) {
  test(`not adopted: ${code}`, () => {
    const verifier = createVerifier({ root, bundle, now });
    throws(() => verifier.adopt(file, { now }), code);
    assert.equal(verifier.status({ now }).list.number, 1);
    assert.equal(verifier.verify(tokens.publishable, { now }).ok, true);
  });
}

test('not adopted: a list that is past its next update', () => {
  const verifier = createVerifier({ root });
  throws(() => verifier.adopt(bundle, { now: now + 60_000 }), 'list_past_next_update');
  assert.equal(verifier.verify(tokens.publishable, { now }).code, 'list_missing');
});

test('a newer keyring is taken, and with a new epoch lists count from one again', () => {
  const first = bytes(fixtures.keyrings[0]);
  const verifier = createVerifier({ root, keyring: first });
  assert.equal(verifier.status({ now }).keyring.version, 1);
  assert.equal(verifier.adopt(bytes(lists.underSecondKeyring.bundle), { now }), true);
  assert.equal(verifier.status({ now }).keyring.version, 2);
  assert.equal(verifier.adopt(bytes(lists.ofSecondEpoch.bundle), { now }), true);
  assert.deepEqual(
    [verifier.status({ now }).list.epoch, verifier.status({ now }).list.number],
    [2, 1],
  );
});

test('keyrings that are refused', () => {
  const second = bytes(fixtures.keyrings[1]);
  throws(() => createVerifier({ root, keyring: bytes(fixtures.usurpedKeyring), bundle, now }), 'keyring_foreign_issuer');
  throws(() => createVerifier({ root, keyring: second.slice(1) }), 'keyring_unreadable');
  throws(() => createVerifier({ root, keyring: bytes(fixtures.foreignKeyring) }), 'keyring_not_signed_by_root');
});

test('no cut and no flipped bit of a bundle is adopted', () => {
  const file = bytes(lists.first.bundle);
  for (let length = 0; length < file.length; length += 7) {
    assert.throws(() => createVerifier({ root, bundle: file.slice(0, length), now }), PortcullisError);
  }
  for (let at = 0; at < file.length; at += 5) {
    const flipped = file.slice();
    flipped[at] ^= 1 << (at % 8);
    assert.throws(() => createVerifier({ root, bundle: flipped, now }), PortcullisError);
  }
});

test('two verifiers do not know of each other', () => {
  const one = createVerifier({ root, bundle, now });
  const other = createVerifier({ root: fixtures.otherRoot, bundle: foreign, now });
  assert.equal(one.verify(tokens.ofOtherIssuer, { now }).code, 'bad_signature');
  assert.equal(other.verify(tokens.ofOtherIssuer, { now }).ok, true);
  assert.equal(other.verify(tokens.publishable, { now }).code, 'bad_signature');
});

test('nothing secret can be read from a verifier', () => {
  const verifier = createVerifier({ root, bundle, now, secrets: [{ kid: 1, secret: fixtures.secret }] });
  const inspected = JSON.stringify(verifier) + Object.keys(verifier).join() + String(verifier);
  assert.ok(!inspected.includes(fixtures.secret));
  assert.deepEqual(Object.keys(verifier), []);
});
