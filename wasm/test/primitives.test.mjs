// Third-party vectors in Node, for the module, the engine in JavaScript and Node's own Ed25519 (both
// APIs).

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import '../js/engine/native-node.js';
import { platform } from '../js/shared/platform.js';
import { verifySignatures, verifyTags } from './verify-primitives.mjs';
import { assertSignatures, assertTags, modulePath, signatures, tags } from './primitives.mjs';

const native = platform.verifyEd25519;
const { exports } = (await WebAssembly.instantiate(readFileSync(modulePath()), {})).instance;

for (const [way, verifyEd25519] of Object.entries({ 'node:crypto': native, WebCrypto: undefined })) {
  for (const [source, vectors] of Object.entries(signatures)) {
    test(`Ed25519, the vectors of ${source}, by ${way}`, async (t) => {
      t.after(() => { platform.verifyEd25519 = native; });
      platform.verifyEd25519 = verifyEd25519;
      const told = await verifySignatures(vectors, exports);
      t.diagnostic(`${told.asked} come to ${way}; it accepts ${told.lenient} of the others, which we refuse`);
      assertSignatures(source, told);
    });
  }
}

test('HMAC-SHA256, the vectors of wycheproof', () => {
  assertTags(verifyTags(tags, exports));
});

test('nothing that wycheproof calls invalid is accepted', () => {
  for (const { id, theirs, accepted } of [...signatures.wycheproof, ...tags]) {
    assert.equal(accepted, theirs === 'valid', String(id));
  }
});
