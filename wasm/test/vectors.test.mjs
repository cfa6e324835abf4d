// The shared vectors in Node: the same verdicts as the Rust core's, code for code.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createVerifier } from 'portcullis';
import { Verifier as Bound } from 'portcullis/bindgen';
import * as pure from 'portcullis/pure';
import { platform } from '../js/shared/platform.js';
import { verifyAssignment, verifyVector, verifyByPlatform } from './verify-vector.mjs';
import { assignments, expected, vectors } from './vectors.mjs';

for (const vector of vectors) {
  test(`${vector.name}: ${vector.about}`, () => {
    assert.deepEqual(verifyVector(createVerifier, vector), expected(vector));
  });
}

for (const vector of vectors) {
  test(`by wasm-bindgen, ${vector.name}: ${vector.about}`, () => {
    assert.deepEqual(verifyVector((options) => new Bound(options), vector), expected(vector));
  });
}

const ways = {
  wasm: [createVerifier],
  pure: [pure.createVerifier],
  'wasm-bindgen': [(options) => new Bound(options), true],
};

for (const [way, [create, isBound]] of Object.entries(ways)) {
  for (const vector of assignments) {
    test(`assignment by ${way}, ${vector.name}: ${vector.about}`, async () => {
      assert.deepEqual(await verifyAssignment(create, vector, isBound), expected(vector));
    });
  }
}

const native = platform.verifyEd25519;
const { subtle } = globalThis.crypto;

async function byWebCrypto(key, message, signature) {
  const imported = await subtle.importKey('raw', key, { name: 'Ed25519' }, false, ['verify']);
  return subtle.verify({ name: 'Ed25519' }, imported, signature, message);
}

for (const [way, verifyEd25519] of Object.entries({ 'node:crypto': native, WebCrypto: byWebCrypto })) {
  for (const [engine, create] of Object.entries({ wasm: createVerifier, pure: pure.createVerifier })) {
    test(`the shared vectors, by ${way} and then ${engine}`, async (t) => {
      const answers = { true: 0, false: 0 };
      t.after(() => { platform.verifyEd25519 = native; });
      platform.verifyEd25519 = async (...asked) => {
        const answer = await verifyEd25519(...asked);
        answers[answer] += 1;
        return answer;
      };
      for (const vector of vectors) {
        assert.equal(await verifyByPlatform(create, vector), expected(vector).code, vector.name);
      }
      t.diagnostic(`the platform was asked, and said ${JSON.stringify(answers)}`);
      assert.ok(answers.true > 5 && answers.false > 5, JSON.stringify(answers));
    });
  }
}
