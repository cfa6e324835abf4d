// The engine in JavaScript gives the same verdicts as the wasm module, for every vector and for random
// mutations of keys and files.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { addressBytes } from '../js/request/ip-address.js';
import { denial } from '../js/pure/policy.js';
import { Policies } from '../js/pure/policies.js';
import { Unreadable } from '../js/pure/reader.js';
import * as wasm from 'portcullis';
import * as pure from 'portcullis/pure';
import { EXPECTED, hostile } from './hostile.mjs';
import { verifyVector } from './verify-vector.mjs';
import { compare, dice } from './mutations.mjs';
import { bytes, fixtures, lists, now, root } from './support.mjs';
import { expected, vectors } from './vectors.mjs';

for (const vector of vectors) {
  test(`${vector.name}: ${vector.about}`, () => {
    assert.deepEqual(verifyVector(pure.createVerifier, vector), expected(vector));
  });
}

const folder = new URL('../../tests/vectors/policy/', import.meta.url);
const policies = readdirSync(folder).map((file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')));
const named = ({ digest, length }) => ({ digest: new Uint8Array(Buffer.from(digest, 'hex')), len: length });

// Runs a policy's vector as tests/python/verify.py does.
function decidePolicy({ files, directory, visibility, policy: number, request }) {
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
    const [files, expect] = decidePolicy(vector);
    assert.deepEqual(files, vector.files.map(({ refused }) => refused));
    assert.deepEqual(expect, vector.expect);
  });
}

const { random, pick } = dice();

function both(options) {
  return [wasm, pure].map(({ createVerifier }) => createVerifier({ root, ...options }));
}

test('10,000 random keys and mutations get the same verdict, word for word', async () => {
  const { codes, difference } = await compare([wasm, pure], fixtures);
  assert.equal(difference, null);
  assert.ok(Object.keys(codes).length > 15, JSON.stringify(codes));
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

for (const [name, engine] of Object.entries({ wasm, pure })) {
  test(`hostile input is refused or a TypeError, and the verifier goes on working: ${name}`, () => {
    assert.deepEqual(hostile(engine, fixtures), EXPECTED);
  });
}

test('what a caller does with his bytes later changes nothing', () => {
  const [bundle, keyring, secret] = [lists.first.bundle, fixtures.keyrings[0]].map((file) => Buffer.from(file, 'base64'))
    .concat(Buffer.from(fixtures.secret, 'base64url'));
  for (const { createVerifier } of [wasm, pure]) {
    const given = [bundle, keyring, secret].map((file) => Buffer.from(file));
    const verifier = createVerifier({ root, keyring: given[1], bundle: given[0], now, secrets: [{ kid: 1, secret: given[2] }] });
    given.forEach((file) => file.fill(0));
    for (const token of [fixtures.tokens.publishable, fixtures.tokens.secret]) {
      assert.equal(verifier.verify(token, { now }).code, undefined);
    }
  }
});
