// The package's sources are in layers: a file imports from its own folder and from layers below, and no
// files import each other in a circle.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import test from 'node:test';

const ROOT = new URL('../js/', import.meta.url);
// From the bottom up. Folders of one layer don't import each other.
const LAYERS = [
  ['generated'],
  ['shared'],
  ['request'],
  ['engine'],
  ['wasm', 'pure'],
  ['assertion', 'bindgen', 'caller', 'issuer', 'middleware', 'status-list'],
  ['entry', 'medusa'],
];

const names = readdirSync(ROOT, { recursive: true }).map((name) => name.replaceAll('\\', '/')).filter((name) => name.endsWith('.js'));
const folderOf = (name) => name.split('/')[0];
const layerOf = (name) => LAYERS.findIndex((folders) => folders.includes(folderOf(name)));
// The package's own files that a file imports statically.
const imports = new Map(names.map((name) => {
  const text = readFileSync(new URL(name, ROOT), 'utf8');
  const paths = [...text.matchAll(/^(?:import|export)\b[^;]*?'(\.[^']+)';/gm)].map(([, path]) => posix.join(posix.dirname(name), path));
  return [name, paths.filter((path) => !path.startsWith('../'))];
}));

test('every file is in a layer, and imports only what is there', () => {
  for (const [name, paths] of imports) {
    assert.notEqual(layerOf(name), -1, `${name}: put its folder into LAYERS`);
    for (const path of paths) assert.ok(imports.has(path), `${name} imports ${path}, which is not there`);
  }
  assert.ok([...imports.values()].flat().length > 200, 'the imports are found');
});

test('no file imports from a layer above, or from another folder of its own', () => {
  const upwards = [...imports].flatMap(([name, paths]) =>
    paths.filter((path) => folderOf(path) !== folderOf(name) && layerOf(path) >= layerOf(name)).map((path) => `${name} -> ${path}`));
  assert.deepEqual(upwards, []);
});

test('no imports form a circle', () => {
  const done = new Set();
  const walk = (name, way) => {
    const at = way.indexOf(name);
    assert.equal(at, -1, [...way.slice(at), name].join(' -> '));
    if (done.has(name)) return;
    for (const path of imports.get(name)) walk(path, [...way, name]);
    done.add(name);
  };
  for (const name of names) walk(name, []);
});
