// The module for engines without SIMD, which Node is made to believe itself to be.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { judge } from './judge.mjs';
import { expected, vectors } from './vectors.mjs';

test('without SIMD the other module is started, and judges alike', async (t) => {
  const { validate, Module } = WebAssembly;
  const started = [];
  t.mock.method(WebAssembly, 'validate', () => false);
  WebAssembly.Module = class extends Module {
    constructor(bytes) {
      super(bytes);
      started.push(Buffer.from(bytes));
    }
  };
  t.after(() => {
    WebAssembly.Module = Module;
  });
  const { createVerifier } = await import('portcullis');
  const file = readFileSync(new URL('../dist/portcullis_plain.wasm', import.meta.url));
  assert.deepEqual(started, [file]);
  assert.equal(validate(file), true);
  for (const vector of vectors) {
    assert.deepEqual(judge(createVerifier, vector), expected(vector), vector.name);
  }
});

test('the probe tells an engine with SIMD', async () => {
  const { SIMD } = await import('../js/simd.js?again');
  assert.equal(SIMD, true);
});
