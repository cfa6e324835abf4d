// Random keys, mutations and hostile input in workerd, for the wasm module and the engine in
// JavaScript.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as wasm from 'portcullis';

import { EXPECTED } from './hostile.mjs';
import { compare } from './mutations.mjs';
import { fixtures } from './support.mjs';
import { startWorker } from './workerd.mjs';

const WORKER = `
  import { Verifier as Bound } from './js/bindgen/workerd.js';
  import * as wasm from './js/entry/workerd.js';
  import * as pure from './js/entry/pure.js';
  import { hostile } from './test/hostile.mjs';
  import { compare } from './test/mutations.mjs';
  const bound = { createVerifier: (options) => new Bound(options) };
  export default {
    async fetch(request) {
      const fixtures = await request.json();
      const hostiles = [wasm, pure, bound].map((engine) => hostile(engine, fixtures));
      return Response.json({ compared: await compare([wasm, pure], fixtures), byBindgen: await compare([wasm, bound], fixtures), hostiles });
    },
  };
`;
let told;

before(async () => {
  const worker = await startWorker(WORKER, ['test/hostile.mjs', 'test/keys.mjs', 'test/mutations.mjs']);
  after(() => worker.stop());
  const answer = await fetch(worker.url, { method: 'POST', body: JSON.stringify(fixtures) });
  assert.equal(answer.status, 200);
  told = await answer.json();
});

test('10,000 random keys and mutations get the same verdict of both engines, and the same as in Node', async () => {
  assert.equal(told.compared.difference, null);
  assert.equal(told.byBindgen.difference, null);
  const { codes, digest } = await compare([wasm, wasm], fixtures);
  assert.deepEqual(told.compared.codes, codes);
  assert.equal(told.compared.digest, digest);
});

test('hostile input is refused or a TypeError, and the verifier goes on working', () => {
  for (const outcomes of told.hostiles) assert.deepEqual(outcomes, EXPECTED);
});
