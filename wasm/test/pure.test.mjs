// The pure-JavaScript fallback: the same verdicts as the wasm module, on every vector and on random
// mutations of keys and files.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { addressBytes } from '../js/address.js';
import { denial } from '../js/pure/policy.js';
import { Policies } from '../js/pure/policies.js';
import { Unreadable } from '../js/pure/reader.js';
import * as wasm from 'portcullis';
import * as pure from 'portcullis/pure';
import { judge } from './judge.mjs';
import { bytes, changed, fixtures, lists, now, root, tokens } from './support.mjs';
import { expected, vectors } from './vectors.mjs';

for (const vector of vectors) {
  test(`${vector.name}: ${vector.about}`, () => {
    assert.deepEqual(judge(pure.createVerifier, vector), expected(vector));
  });
}

const folder = new URL('../../tests/vectors/policy/', import.meta.url);
const policies = readdirSync(folder).map((file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')));
const named = ({ digest, length }) => ({ digest: new Uint8Array(Buffer.from(digest, 'hex')), len: length });

// As the second verifier in Python does.
function judgePolicy({ files, directory, visibility, policy: number, request }) {
  const held = new Policies();
  const codes = files.map((file) => {
    try {
      return held.offer(named(file), new Uint8Array(Buffer.from(file.bytes, 'hex'))) ? null : 'list_wrong_digest';
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      return 'list_unreadable';
    }
  });
  const found = held.find(directory ? named(directory) : undefined, visibility === 'public' ? 1 : 2, number);
  const facts = {
    address: addressBytes(request.address),
    origin: request.origin ?? undefined,
    method: request.method ?? '',
    path: request.path ?? '',
    scopes: request.scopes,
    salesChannel: request.sales_channel ?? undefined,
  };
  const code = found.code ?? denial(found.policy, facts);
  if (code === undefined) return [codes, { verdict: 'accepted', rate_class: found.policy.rateClass }];
  return [codes, { verdict: 'refused', code, ...(found.name && { file: Buffer.from(found.name.digest).toString('hex') }) }];
}

for (const vector of policies) {
  test(`policy, ${vector.name}: ${vector.about}`, () => {
    const [files, expect] = judgePolicy(vector);
    assert.deepEqual(files, vector.files.map(({ refused }) => refused));
    assert.deepEqual(expect, vector.expect);
  });
}

let seed = 20260101;
const random = (below) => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((seed / 2 ** 32) * below);
};
const pick = (items) => items[random(items.length)];

const outcome = (verdict) => JSON.parse(JSON.stringify(verdict));

function both(options) {
  return [wasm, pure].map(({ createVerifier }) => createVerifier({ root, ...options }));
}

// Everything is one mistake away from a key that is accepted.
function mutated() {
  const token = pick(Object.values(tokens));
  const at = random(token.length);
  const digit = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-\u{141}\ud800'[random(66)];
  switch (random(8)) {
    case 0: return token;
    case 1: return token.slice(0, at);
    case 2: return token.slice(0, at) + digit + token.slice(at + 1);
    case 3: return token.slice(0, at) + digit + token.slice(at);
    case 4: return token.slice(0, at) + pick(Object.values(tokens)).slice(at);
    case 5: return Array.from({ length: random(170) }, () => digit).join('');
    default: return changed(token, random(44), () => random(256));
  }
}

test('10,000 random keys and mutations get the same verdict, word for word', () => {
  const pairs = [lists.first, lists.second, lists.withPolicies].map(({ bundle }) =>
    both({ bundle: bytes(bundle), now: now + 2_500, secrets: [{ kid: 1, secret: fixtures.secret }] }));
  const codes = new Map();
  for (let round = 0; round < 10_000; round += 1) {
    const token = mutated();
    const options = {
      now: now + pick([0, 0, 0, 2_500, 29_999, 30_000, 60_000, 7 * 86_400_000, -20_000]),
      kind: pick([undefined, 'secret', 'publishable']),
      environment: pick([undefined, 'live', 'test']),
      request: pick([undefined, {}, { scopes: ['orders:read'] }]),
    };
    const [ours, theirs] = pick(pairs).map((verifier) => outcome(verifier.verify(token, options)));
    assert.deepEqual(theirs, ours, token);
    codes.set(ours.code ?? 'accepted', (codes.get(ours.code ?? 'accepted') ?? 0) + 1);
  }
  assert.ok(codes.size > 15, [...codes].join(' '));
});

test('1,000 mutations of a bundle are adopted or refused alike, with the same words', () => {
  const codes = new Set();
  for (let round = 0; round < 1_000; round += 1) {
    const file = bytes(pick([lists.first, lists.second, lists.ofSecondEpoch, lists.foreign]).bundle);
    const cut = random(4) === 0 ? random(file.length) : file.length;
    const given = file.slice(0, cut);
    if (cut === file.length && random(5) > 0) given[random(cut)] ^= 1 << random(8);
    const [ours, theirs] = both({}).map((verifier) => {
      let adopted;
      try {
        adopted = verifier.adopt(given, { now });
      } catch (error) {
        adopted = `${error.name} ${error.code}: ${error.message}`;
      }
      return [adopted, verifier.status({ now })];
    });
    assert.deepEqual(theirs, ours);
    codes.add(typeof ours[0] === 'string' ? ours[0].split(':')[0] : ours[0]);
  }
  assert.ok(codes.size >= 4, [...codes].join(', '));
});

test('hostile input is refused or a TypeError, and the verifier goes on working', () => {
  const verifier = pure.createVerifier({ root, bundle: bytes(lists.first.bundle), now });
  const good = tokens.publishable;
  for (const [token, code] of [[good.replace('p', '\u{170}'), 'malformed_character'], [`${good}\ud800`, 'malformed_character'],
    ['x'.repeat(10_000_000), 'malformed_too_long'], ['', 'malformed_empty'], ['\u{1000}'.repeat(53), 'malformed_too_long']]) {
    assert.equal(verifier.verify(token, { now }).code, code);
  }
  const trap = { toString: () => assert.fail('called') };
  for (const token of [null, undefined, 7, trap, [good], new String(good)]) {
    assert.throws(() => verifier.verify(token, { now }), TypeError);
  }
  assert.equal(verifier.verify(good, { now }).ok, true);
});
