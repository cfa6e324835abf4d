// A property of Object.prototype changes no verdict: it is not taken for an option, a header or a key. The main
// flows run with and without such properties, in a process of their own.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const told = JSON.parse(execFileSync(process.execPath, [fileURLToPath(new URL('polluted.mjs', import.meta.url))], { encoding: 'utf8', maxBuffer: 1 << 28 }));

test('every option that the package knows is tried', () => {
  for (const name of ['now', 'kind', 'environment', 'scopes', 'request', 'source', 'kid', 'audience', 'uris', 'adminKey', 'silence', 'undoWithin', 'onRefused', 'get']) {
    assert.ok(told.names.includes(name), name);
  }
  assert.ok(told.names.length > 60, String(told.names.length));
});

test('the flows say what they should without it', () => {
  assert.ok(Object.keys(told.clean).length > 30);
  for (const [flow, outcome] of Object.entries(told.clean)) assert.doesNotMatch(outcome, /^threw (?!TypeError: no key was verified)/, flow);
});

for (const { value, names, outcomes } of told.runs) {
  test(`${names} with ${value}`, () => {
    assert.ok(Object.keys(outcomes).length > 10);
    for (const [flow, outcome] of Object.entries(outcomes)) assert.equal(outcome, told.clean[flow], flow);
  });
}
