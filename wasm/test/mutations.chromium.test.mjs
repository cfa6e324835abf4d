// Random keys, mutations and hostile input in Chromium, for the wasm module and the engine in
// JavaScript.

import assert from 'node:assert/strict';
import * as wasm from 'portcullis';

import { browserTest, launch, packageServer } from './browser.mjs';
import { EXPECTED } from './hostile.mjs';
import { compare } from './mutations.mjs';
import { fixtures } from './support.mjs';

browserTest('random keys, mutations and hostile input in Chromium: one verdict, whatever verifies', async (t) => {
  const url = await packageServer(t);
  const browser = await launch();
  t.after(() => browser.close());
  const page = await browser.newPage();
  await page.goto(url);
  const told = await page.evaluate(async (all) => {
    const engines = [await import('/js/entry/inline.js'), await import('/js/entry/pure.js')];
    const { hostile } = await import('/test/hostile.mjs');
    const { compare: inPage } = await import('/test/mutations.mjs');
    return { compared: await inPage(engines, all), hostiles: engines.map((engine) => hostile(engine, all)) };
  }, fixtures);
  for (const outcomes of told.hostiles) assert.deepEqual(outcomes, EXPECTED);
  assert.equal(told.compared.difference, null);
  const { codes, digest } = await compare([wasm, wasm], fixtures);
  assert.deepEqual(told.compared.codes, codes);
  assert.equal(told.compared.digest, digest);
});
