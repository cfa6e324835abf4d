// Third-party vectors (tests/vectors/primitives), and the expected results of `verifySignatures` and
// `verifyTags`.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { handedOver } from '../../tests/e2e/support/processes.mjs';

const read = (name) =>
  JSON.parse(readFileSync(new URL(`../../tests/vectors/primitives/${name}.json`, import.meta.url), 'utf8')).vectors;

export const signatures = { wycheproof: read('ed25519-wycheproof'), cctv: read('ed25519-cctv') };
export const tags = read('hmac-sha256-wycheproof');

// The path of the module of the primitives, which is not in the package.
export const modulePath = () => handedOver('PORTCULLIS_PRIMITIVES');

export function assertSignatures(source, { differing, verified }) {
  const count = { wycheproof: 151, cctv: 914 }[source];
  assert.deepEqual(differing, [], source);
  assert.deepEqual(verified, {
    wasm: count,
    'wasm, of a file': count,
    'wasm, then the platform': count,
    pure: count,
    'pure, then the platform': count,
  });
}

export function assertTags({ differing, verified }) {
  assert.deepEqual(differing, []);
  assert.deepEqual(verified, { pure: 174, 'pure, the key as it is': 174, wasm: 166 });
}
