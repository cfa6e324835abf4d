// Only the workflow that publishes the package sets its repository.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { origin } from '../origin.mjs';

const SCRIPT = fileURLToPath(new URL('../origin.mjs', import.meta.url));
const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');

function publish(t, env) {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-origin-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'package.json');
  writeFileSync(file, manifest);
  const { GITHUB_SERVER_URL: _, GITHUB_REPOSITORY: __, ...rest } = process.env;
  const { status, stderr } = spawnSync(process.execPath, [SCRIPT], { cwd: folder, env: { ...rest, ...env }, encoding: 'utf8' });
  return { status, stderr, written: JSON.parse(readFileSync(file, 'utf8')) };
}

test('a workflow says where it runs', (t) => {
  const { status, written } = publish(t, { GITHUB_SERVER_URL: 'https://git.example', GITHUB_REPOSITORY: 'acme/portcullis' });
  assert.equal(status, 0);
  const { repository, homepage, bugs, ...rest } = written;
  assert.deepEqual(repository, { type: 'git', url: 'git+https://git.example/acme/portcullis.git', directory: 'wasm' });
  assert.equal(homepage, 'https://git.example/acme/portcullis#readme');
  assert.deepEqual(bugs, { url: 'https://git.example/acme/portcullis/issues' });
  assert.deepEqual(rest, JSON.parse(manifest), 'and nothing else changes');
  assert.equal(rest.publishConfig.provenance, true);
});

test('without an origin nothing is published', (t) => {
  const { status, stderr, written } = publish(t, {});
  assert.equal(status, 1);
  assert.match(stderr, /no `repository`/);
  assert.deepEqual(written, JSON.parse(manifest));
  assert.equal(written.scripts.prepublishOnly, 'node origin.mjs', 'npm runs it before it packs');
});

test('an address that is no repository is none', () => {
  assert.equal(origin('https://git.example/a/b.git/').homepage, 'https://git.example/a/b#readme');
  for (const bad of ['http://git.example/a/b', 'https://git.example/a', 'https://git.example/a/b/c', 'https://me@git.example/a/b', 'https://git.example/a/b?c']) {
    assert.throws(() => origin(bad), TypeError, bad);
  }
  assert.throws(() => origin('nowhere'));
});
