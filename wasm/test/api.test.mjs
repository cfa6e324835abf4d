// docs/npm-api.md is up to date with the types, and has every export of every entry.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { FILE, page } from '../api.mjs';

test('the API page is up to date', () => {
  assert.ok(readFileSync(FILE, 'utf8') === page(), 'run: node wasm/api.mjs');
});

for (const entry of ['portcullis', 'portcullis/fetch', 'portcullis/hono', 'portcullis/express', 'portcullis/fastify',
  'portcullis/next', 'portcullis/caller', 'portcullis/assertion', 'portcullis/status-list', 'portcullis/slim', 'portcullis/auto', 'portcullis/bindgen', 'portcullis/issuer']) {
  test(`every export of ${entry} is on it`, async () => {
    const text = readFileSync(FILE, 'utf8');
    for (const name of Object.keys(await import(entry))) assert.match(text, new RegExp(`\\b${name}\\b`), name);
  });
}

// Read as text, because the entry imports Medusa's packages, which only tests/medusa installs.
test('every export of portcullis/medusa is on it', () => {
  const text = readFileSync(FILE, 'utf8');
  const types = readFileSync(new URL('../types/medusa.d.ts', import.meta.url), 'utf8');
  const names = [...types.matchAll(/^export (?:declare )?(?:interface|type|class|function|const) (\w+)/gm)].map(([, name]) => name);
  assert.ok(names.length > 2, String(names));
  for (const name of names) assert.match(text, new RegExp(`### ${name}\n`), name);
});
