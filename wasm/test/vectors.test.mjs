// The shared vectors in Node: the same verdicts as the Rust core's, code for code.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createVerifier } from 'portcullis';
import { Verifier as Bound } from 'portcullis/bindgen';
import * as pure from 'portcullis/pure';
import { platform } from '../js/shared/platform.js';
import { verifyAssignment, verifyVector, verifyByPlatform, withSource } from './verify-vector.mjs';
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

for (const [way, create] of Object.entries({ wasm: createVerifier, pure: pure.createVerifier })) {
  for (const options of [undefined, {}, { kind: 'secret' }, { freshFor: 1e12 }]) {
    test(`by ${way}, a missing assignment is fetched behind verify(${JSON.stringify(options) ?? ''})`, async (t) => {
      const vector = assignments.find(({ name }) => name === 'policy');
      const verifier = withSource(create, vector);
      t.mock.method(Date, 'now', () => vector.now_ms);
      const ask = () => verifier.verify(vector.token, options);
      assert.equal(ask().code, 'assignment_unavailable');
      const until = performance.now() + 5_000;
      while (!ask().ok && performance.now() < until) await new Promise((done) => { setTimeout(done, 5); });
      assert.equal(ask().key.policy, vector.expect.key.policy);
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
