// Each part of the package is within its budget.

import assert from 'node:assert/strict';
import test from 'node:test';
import { sizes } from '../size.mjs';

for (const [what, { bytes, budget }] of Object.entries(sizes())) {
  test(`${what}: at most ${budget} bytes of brotli`, (t) => {
    t.diagnostic(`${bytes} bytes`);
    assert.ok(bytes <= budget, `${bytes} bytes: make it smaller, or say in size.mjs why it may grow`);
  });
}
