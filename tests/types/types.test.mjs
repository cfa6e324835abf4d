// The types of `portcullis/issuer`: out of the API's description, and as its users compile them.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { FILE, generate } from './generate.mjs';

test('they are what docs/openapi.json gives', async () => {
  const text = await generate();
  if (process.env.UPDATE_TYPES) await writeFile(FILE, text);
  const kept = await readFile(FILE, 'utf8').catch(() => '');
  const advice = 'wasm/types/issuer-api.d.ts is old: UPDATE_TYPES=1 cargo xtask test --only types writes it';
  assert.ok(kept === text, advice);
});

test('they allow what works, and refuse what does not', () => {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const run = () => execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], { cwd: folder, encoding: 'utf8' });
  try {
    run();
  } catch (error) {
    assert.fail(error.stdout);
  }
});
