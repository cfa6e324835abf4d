// The shared vectors in Node: the same verdicts as the Rust core's, code for code.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createVerifier } from 'portcullis';
import { judge } from './judge.mjs';
import { expected, vectors } from './vectors.mjs';

for (const vector of vectors) {
  test(`${vector.name}: ${vector.about}`, () => {
    assert.deepEqual(judge(createVerifier, vector), expected(vector));
  });
}
