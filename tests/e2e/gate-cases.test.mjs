// Properties of the cases in tests/gate-cases, independent of any gate.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

import { filled } from '../gate-cases/fill.mjs';
import { generate } from '../gate-cases/generate.mjs';
import { KINDS, readCases, readGates, readHost, readKeys } from '../gate-cases/read.mjs';

const written = readCases(Object.keys(KINDS));
const generated = readCases(['generated']);
const all = [...written, ...generated];

for (const [kind, least] of Object.entries(KINDS)) {
  test(`there are ${least} cases of the kind ${kind} at least, in its folder`, () => {
    const found = written.filter((one) => one.kind === kind);
    assert.ok(found.length >= least, `there are ${found.length}`);
    assert.deepEqual(found.filter(({ name }) => !name.startsWith(`${kind}/`)), []);
  });
}

test('there are 250 cases that were written and 100 that were generated at least', () => {
  assert.ok(written.length >= 250, `${written.length} were written`);
  assert.ok(generated.length >= 100, `${generated.length} were generated`);
});

test('an honest case passes: the origin sees it', () => {
  assert.deepEqual(written.filter(({ kind, origin }) => kind === 'honest' && origin === null), []);
});

test('the generated cases are what the grammar and the model give', () => {
  const folder = new URL('../gate-cases/generated/', import.meta.url);
  const found = Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]));
  assert.deepEqual(found, generate(), 'run `node tests/gate-cases/generate.mjs`');
});

test('no two cases of a gate are the same request and answer', () => {
  const seen = new Map();
  for (const { name, gate, request, answer } of written) {
    const text = JSON.stringify([gate, request, answer]);
    assert.ok(!seen.has(text), `${name} is ${seen.get(text)}`);
    seen.set(text, name);
  }
});

test('each gate is asked about something, each class is one that a host may know, and no case names a host', () => {
  const gates = readGates();
  assert.ok(Object.keys(gates).length <= 16, 'each gate is a process');
  assert.deepEqual([...new Set(all.map(({ gate }) => gate))].sort(), Object.keys(gates).sort());
  const host = readHost('workerd');
  const classes = new Set(all.map((one) => one.class).filter(Boolean));
  assert.deepEqual(Object.keys(host.answers).filter((name) => !classes.has(name)), []);
  for (const rule of [...host.writes, ...Object.values(host.answers)]) assert.match(rule.why, /\.$/);
  for (const one of all) assert.doesNotMatch(JSON.stringify(one), /workerd|wrangler/i, one.name);
});

test('what the cases leave open is known', () => {
  const keys = Object.fromEntries(Object.keys(readKeys()).map((name) => [name, { token: `sk_live_${name}`, id: name }]));
  const known = { keys, texts: { issuer: 'iss', origin: 'host' } };
  for (const one of all) assert.doesNotThrow(() => filled(JSON.stringify(one), known), one.name);
});
