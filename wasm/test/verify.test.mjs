// Verdicts: good keys, every refusal, and input that isn't a text.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { createVerifier } from 'portcullis';
import { exports } from '../js/wasm/instance.js';
import { bytes, changed, decode, encode, fixtures, lists, now, root, tokens } from './support.mjs';

const secrets = [{ kid: 1, secret: fixtures.secret }];
const bundle = bytes(lists.first.bundle);
const make = (more) => createVerifier({ root, bundle, now, ...more });
const code = (verifier, token, options) => verifier.verify(token, { now, ...options }).code;

const DAY = 86_400_000;

test('a good publishable key says what it holds, and of which list', () => {
  const verdict = make().verify(tokens.publishable, { now });
  assert.match(verdict.key.name, /^apk_[0-9A-Za-z]{22}$/);
  assert.deepEqual(JSON.parse(JSON.stringify(verdict)), {
    ok: true,
    key: {
      name: verdict.key.name,
      issuer: fixtures.issuer,
      kind: 'publishable',
      environment: 'live',
      algorithm: 'ed25519',
      kid: 2,
      serial: 0,
      issuedAt: now - DAY,
      expiresAt: now + 7 * DAY,
      owner: 42,
      policy: 3,
    },
    list: {
      freshness: 'fresh',
      epoch: 1,
      number: 1,
      ageMs: 500,
      thisUpdate: now - 500,
      nextUpdate: now + 60_000,
    },
  });
});

test('the fields of a key are its own but for the name, which toJSON adds', () => {
  const { key } = make().verify(tokens.publishable, { now });
  const { name, ...fields } = key.toJSON();
  assert.equal(name, key.name);
  assert.deepEqual({ ...key }, fields);
  const other = make().verify(tokens.test, { now }).key;
  assert.notEqual(other.name, name);
  assert.equal(key.name, name, 'a verdict says the same after another one');
});

test('what a key does not have is null', () => {
  const { key } = make().verify(tokens.test, { now, environment: 'test' });
  assert.deepEqual([key.expiresAt, key.owner, key.policy], [null, null, null]);
});

test('an HMAC key passes where its secret is held, as text or bytes', () => {
  for (const secret of [fixtures.secret, Buffer.from(fixtures.secret, 'base64url')]) {
    const { key } = make({ secrets: [{ kid: 1, secret }] }).verify(tokens.secret, { now, kind: 'secret' });
    assert.equal(key.algorithm, 'hmac-sha256-128');
    assert.equal(key.kid, 1);
  }
});

test('a secret that comes before its keyring waits for it', () => {
  const verifier = createVerifier({ root, secrets });
  assert.deepEqual(verifier.status({ now }).waitingSecrets, [1]);
  verifier.adopt(bundle, { now });
  assert.deepEqual(verifier.status({ now }).waitingSecrets, []);
  assert.equal(verifier.verify(tokens.secret, { now }).ok, true);
});

// Each code of `RefusalCode`, with a call that gives it.
const prefixed = (text) => `pk_live_${text}`;
const refusals = {
  malformed_empty: () => code(make(), ''),
  malformed_too_long: () => code(make(), 'x'.repeat(200)),
  malformed_character: () => code(make(), `${tokens.publishable.slice(0, -1)}-`),
  malformed_prefix: () => code(make(), tokens.publishable.replace('pk_live', 'pk_prod')),
  malformed_length: () => code(make(), tokens.publishable.slice(0, -1)),
  malformed_overflow: () => code(make(), prefixed('z'.repeat(132))),
  malformed_checksum: () => code(make(), prefixed('0'.repeat(132))),
  malformed_version: () => code(make(), encode('pk_live_', decode(tokens.publishable).slice(0, -4), 2)),
  malformed_fields: () => code(make(), changed(tokens.publishable, 1, () => 0x11)),
  foreign_label: () => code(make(), tokens.foreignLabel),
  unknown_kid: () => code(make(), tokens.unknownKid),
  signer_not_allowed: () => code(make(), tokens.admin),
  secret_not_held: () => code(make(), tokens.secret),
  bad_signature: () => code(make(), tokens.ofOtherIssuer),
  list_missing: () => code(createVerifier({ root }), tokens.publishable),
  list_past_next_update: () => code(make(), tokens.publishable, { now: now + 60_000 }),
  list_from_the_future: () => code(make(), tokens.publishable, { now: now - 3_600_000 }),
  keyring_expired: () => code(make(), tokens.publishable, { now: now + 5 * DAY }),
  not_covered: () => code(make(), tokens.notCovered),
  revoked: () => code(make({ bundle: bytes(lists.second.bundle) }), tokens.revokedInSecond),
  suspended: () => code(make(), tokens.suspended),
  expired: () => code(make(), tokens.expired),
  wrong_kind: () => code(make(), tokens.publishable, { kind: 'secret' }),
  wrong_environment: () => code(make(), tokens.test, { environment: 'live' }),
};

for (const [expected, refusal] of Object.entries(refusals)) {
  test(`refused: ${expected}`, () => assert.equal(refusal(), expected));
}

// The codes that policy.test.mjs tests, those of the vectors of assignments, and `foreign_list`, which
// can't occur with one keyring.
const elsewhere = [
  'policy_missing', 'policy_unavailable', 'policy_too_new', 'address_denied', 'origin_denied', 'method_denied',
  'path_denied', 'scope_missing', 'sales_channel_denied', 'foreign_list', 'assignment_missing', 'assignment_unavailable',
  'assignment_too_new', 'assignment_not_allowed',
];

test('the codes above are those of index.d.ts', () => {
  const types = readFileSync(new URL('../index.d.ts', import.meta.url), 'utf8');
  const union = types.split('export type RefusalCode =')[1].split('/**')[0];
  const codes = [...union.matchAll(/^ {2}\| '(\w+)'/gm)].map(([, name]) => name);
  assert.deepEqual([...Object.keys(refusals), ...elsewhere].sort(), codes.sort());
});

test('a refusal says why in a sentence, and nothing of the key', () => {
  const refused = make().verify(tokens.suspended, { now });
  assert.deepEqual(Object.keys(refused), ['ok', 'code', 'message', 'list']);
  assert.equal(refused.message, 'the key is suspended');
});

test('more keys that nobody may pass', () => {
  assert.equal(code(make(), tokens.retired), 'signer_not_allowed');
  assert.equal(code(make({ secrets }), tokens.forgedHmac), 'bad_signature');
  assert.equal(code(make(), tokens.tagForSignature), 'bad_signature');
});

test('every byte of a key counts, under a checksum made right', () => {
  const verifier = make({ secrets });
  for (const token of [tokens.publishable, tokens.secret]) {
    assert.equal(encode(token.slice(0, 8), decode(token).subarray(0, -4)), token);
    for (let at = 0; at < decode(token).length - 4; at += 1) {
      assert.equal(verifier.verify(changed(token, at), { now }).ok, false, `byte ${at}`);
    }
  }
});

test('a prefix or label can\'t be exchanged', () => {
  const body = decode(tokens.publishable).subarray(0, -4);
  assert.equal(code(make(), encode('acme_pk_live_', body)), 'bad_signature');
  assert.equal(code(make(), encode('sk_live_', body)), 'malformed_fields');
  assert.equal(code(make(), encode('pk_test_', body)), 'malformed_fields');
  assert.equal(make().verify(tokens.labelled, { now }).ok, true);
});

test('time alone revokes, expires, ages and closes', () => {
  const verifier = make();
  const at = (token, later) => code(verifier, token, { now: now + later }) ?? 'accepted';
  assert.equal(at(tokens.revokedLater, 29_999), 'accepted');
  assert.equal(at(tokens.revokedLater, 30_000), 'revoked');
  assert.equal(at(tokens.expiring, 29_999), 'accepted');
  assert.equal(at(tokens.expiring, 30_000), 'expired');
  const freshness = (later, freshFor) =>
    verifier.verify(tokens.publishable, { now: now + later, freshFor }).list.freshness;
  assert.equal(freshness(4_500), 'fresh');
  assert.equal(freshness(4_501), 'stale');
  assert.equal(freshness(59_999), 'stale');
  assert.equal(freshness(60_000), 'unknown');
  assert.equal(freshness(4_501, 20_000), 'fresh');
  assert.equal(verifier.verify(tokens.publishable, { now: new Date(now) }).ok, true);
});

test('strings that are no keys are refused, and the verifier goes on working', () => {
  const verifier = make();
  const good = tokens.publishable;
  // Code units that a copy which truncates them would turn into `pk_live_…`.
  const wide = [...good].map((c) => String.fromCharCode(c.charCodeAt(0) + 0x100)).join('');
  const hostile = [
    ['\u{141}'.repeat(4), 'malformed_character'],
    [good.replace('p', '\u{170}'), 'malformed_character'],
    [wide.slice(0, 60), 'malformed_character'],
    [`${good.slice(0, 20)}\ud800${good.slice(21)}`, 'malformed_character'],
    [`${good}\udc00`, 'malformed_character'],
    [`${good}\0`, 'malformed_character'],
    [` ${good}`, 'malformed_character'],
    ['\u{1F512}', 'malformed_character'],
    ['x'.repeat(10_000_000), 'malformed_too_long'],
    ['\ud800'.repeat(1_000_000), 'malformed_too_long'],
    [good + good, 'malformed_too_long'],
  ];
  // The memory of the module that the package has instantiated.
  const memory = () => exports.memory.buffer.byteLength;
  const before = memory();
  for (const [token, expected] of hostile) assert.equal(code(verifier, token), expected);
  assert.equal(memory(), before, 'a huge string is not copied into the module');
  assert.equal(verifier.verify(good, { now }).ok, true);
});

// The module reads each text at the same place in memory.
test('nothing of the key before is left to a text that is shorter, longer or not ASCII', () => {
  const verifier = make();
  const good = tokens.publishable;
  const label = (length) => `a${'b'.repeat(length - 1)}_`;
  const after = [
    ['', 'malformed_empty'],
    ['p', 'malformed_prefix'],
    [good.slice(0, -1), 'malformed_length'],
    [good.slice(1), 'malformed_prefix'],
    [good.slice(0, 74), 'malformed_checksum'],
    ['\u{141}', 'malformed_character'],
    [`\u{141}${good.slice(1)}`, 'malformed_character'],
    ['\u{1000}'.repeat(85), 'malformed_too_long'],
    ['\u{1000}'.repeat(86), 'malformed_too_long'],
    [`${good}${'\u{1000}'.repeat(60)}`, 'malformed_too_long'],
    ['\ud800'.repeat(256), 'malformed_too_long'],
    [good.padEnd(256, '0'), 'malformed_too_long'],
    [good.padEnd(257, '0'), 'malformed_too_long'],
    [label(17) + good, 'malformed_too_long'],
    [label(16) + good, 'malformed_checksum'],
  ];
  for (const [text, expected] of after) {
    assert.equal(verifier.verify(good, { now }).ok, true);
    assert.equal(code(verifier, text), expected, `${text.length} characters`);
  }
});

test('a memory that grows takes no verdict with it', () => {
  const memory = () => exports.memory.buffer.byteLength;
  const verifier = make({ secrets });
  const before = verifier.verify(tokens.secret, { now });
  // The first signature of each verifier allocates its cache, during a verification.
  const all = Array.from({ length: 40 }, () => make());
  const size = memory();
  const verdicts = all.map((one) => one.verify(tokens.publishable, { now }));
  assert.ok(memory() > size, 'else this tests nothing');
  for (const verdict of verdicts) {
    assert.equal(verdict.key.owner, 42);
    assert.equal(verdict.list.nextUpdate, now + 60_000);
  }
  assert.deepEqual(verifier.verify(tokens.secret, { now }), before);
  assert.equal(before.key.name, verifier.verify(tokens.secret, { now }).key.name);
  assert.equal(verifier.status({ now }).issuer, fixtures.issuer);
});

test('a key that was verified before is refused as soon as anything speaks against it', () => {
  const verifier = make();
  for (const token of [tokens.revokedInSecond, tokens.expiring]) {
    assert.equal(verifier.verify(token, { now }).ok, true);
    assert.equal(verifier.verify(token, { now }).ok, true);
  }
  assert.equal(code(verifier, tokens.expiring, { now: now + 30_000 }), 'expired');
  assert.equal(code(verifier, tokens.revokedInSecond, { kind: 'secret' }), 'wrong_kind');
  assert.equal(code(verifier, changed(tokens.revokedInSecond, 30)), 'bad_signature');
  verifier.adopt(bytes(lists.second.bundle), { now });
  assert.equal(code(verifier, tokens.revokedInSecond), 'revoked');
});

test('what is no string is a TypeError, and nothing of it is called', () => {
  const verifier = make();
  const never = () => assert.fail('called');
  const trap = { toString: never, valueOf: never, [Symbol.toPrimitive]: never };
  for (const token of [undefined, null, 42, 42n, true, trap, [tokens.publishable], Symbol('pk'),
    new String(tokens.publishable), () => tokens.publishable]) {
    assert.throws(() => verifier.verify(token, { now }), TypeError);
  }
  assert.equal(verifier.verify(tokens.publishable, { now }).ok, true);
});

test('a misspelt demand is a TypeError, never no demand', () => {
  const verifier = make();
  for (const options of [{ kind: 'sk' }, { kind: 'Secret' }, { kind: null }, { kind: 'toString' },
    { environment: 'prod' }, { environment: '' }, { now: NaN }, { now: -1 }, { now: Infinity },
    { now: '0' }, { now: new Date('never') }, { freshFor: -1 }, { freshFor: NaN }, null, 7]) {
    assert.throws(() => verifier.verify(tokens.publishable, options), TypeError);
  }
});
