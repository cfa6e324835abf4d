// The versions of Medusa that are tested: the oldest that the package asks for, and the newest.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

const read = (path) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
const pinned = async (folder) => {
  const { devDependencies } = JSON.parse(await read(`tests/${folder}/package.json`));
  const medusas = Object.keys(devDependencies).filter((name) => name.startsWith('@medusajs/'));
  const versions = new Set(medusas.map((name) => devDependencies[name]));
  assert.equal(versions.size, 1, `one version of Medusa in tests/${folder}`);
  return [...versions][0];
};

test('the oldest version that is tested is the oldest that the package takes', async () => {
  const { peerDependencies } = JSON.parse(await read('wasm/package.json'));
  const oldest = await pinned('medusa-oldest');
  assert.equal(peerDependencies['@medusajs/framework'], `>=${oldest} <3`);
});

test('docs/medusa.md names both versions that are tested', async () => {
  const section = (await read('docs/medusa.md')).split('\n## Versions\n')[1].split('\n## ')[0];
  assert.ok(section.includes(`Medusa ${await pinned('medusa')} with each`));
  assert.ok(section.replaceAll('\n', ' ').includes(`on Medusa ${await pinned('medusa-oldest')} with`));
});
