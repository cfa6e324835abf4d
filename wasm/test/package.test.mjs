// The package as it is packed: installed from its tarball into an empty folder.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { fixtures, lists, now, root, tokens } from './support.mjs';

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
const run = (program, args, cwd) => execFileSync(program, args, { cwd, encoding: 'utf8' });

// Fails to compile when a code is added and this is not told: the union is closed.
const EXHAUSTIVE = `
import { createVerifier, httpSource, type RefusalCode, type Verdict } from 'portcullis';

const verifier = createVerifier({ root: 'r', source: httpSource('https://keys.example.com') });
const verdict: Verdict = verifier.verify('pk_live_…', { kind: 'publishable', now: new Date() });
if (verdict.ok) {
  const age: number = verdict.list.ageMs;
  const standing: 'fresh' | 'stale' = verdict.list.standing;
  console.log(verdict.key.owner?.toFixed(), age, standing);
} else {
  const number: number | null = verdict.list.number;
  console.log(number, coarse(verdict.code));
}
// @ts-expect-error: of a refused key nothing is told
verdict.key;
// @ts-expect-error: a kind is one of two
verifier.verify('', { kind: 'sk' });

function coarse(code: RefusalCode): 'retry' | 'no' {
  switch (code) {
    case 'list_missing': case 'list_past_next_update': case 'list_from_the_future':
    case 'keyring_expired': case 'not_covered': return 'retry';
    case 'malformed_empty': case 'malformed_too_long': case 'malformed_character':
    case 'malformed_prefix': case 'malformed_length': case 'malformed_overflow':
    case 'malformed_checksum': case 'malformed_version': case 'malformed_fields':
    case 'foreign_label': case 'foreign_list': case 'unknown_kid': case 'signer_not_allowed':
    case 'bad_signature': case 'secret_not_held': case 'revoked': case 'suspended': case 'expired':
    case 'wrong_kind': case 'wrong_environment': return 'no';
  }
}
`;

test('the tarball works in an empty folder, holds what it should, and its types hold', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-pack-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [{ filename, files }] = JSON.parse(
    run('npm', ['pack', '--json', '--pack-destination', folder, '--ignore-scripts'], PACKAGE),
  );
  assert.deepEqual(files.map(({ path }) => path).filter((path) => !/^(README|LICENSE)/.test(path)).sort(), [
    'dist/portcullis.wasm', 'dist/portcullis_plain.wasm', 'index.d.ts', 'issuer.d.ts', 'js/base64.js',
    'js/browser.js', 'js/core.js', 'js/errors.js', 'js/instance.js', 'js/issuer-error.js',
    'js/issuer-keys.js', 'js/issuer-pages.js', 'js/issuer-transport.js', 'js/issuer.js',
    'js/medusa-error.js', 'js/medusa-filter.js', 'js/medusa-judge.js', 'js/medusa-key.js',
    'js/medusa-list.js', 'js/medusa-options.js', 'js/medusa-records.js', 'js/medusa-service.js',
    'js/medusa.js', 'js/module.js', 'js/node.js', 'js/platform.js', 'js/reasons.js', 'js/simd.js',
    'js/source.js', 'js/workerd.js', 'medusa.d.ts', 'package.json',
  ]);

  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  run('npm', ['install', '--offline', '--no-audit', '--no-fund', '--ignore-scripts', `./${filename}`], folder);
  const script = `
    import { createVerifier } from 'portcullis';
    const bundle = Buffer.from('${lists.first.bundle}', 'base64');
    const verifier = createVerifier({ root: '${root}', bundle, now: ${now} });
    const { ok, key } = verifier.verify('${tokens.publishable}', { now: ${now} });
    console.log(ok, key.issuer, import.meta.resolve('portcullis/verifier.wasm').endsWith('.wasm'));
  `;
  writeFileSync(join(folder, 'use.js'), script);
  assert.equal(run('node', ['use.js'], folder), `true ${fixtures.issuer} true\n`);

  writeFileSync(join(folder, 'use.ts'), EXHAUSTIVE);
  const compiler = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
  const strict = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'es2022'];
  const modules = ['--module', 'nodenext', '--lib', 'es2022,dom', '--types', ''];
  run('node', [join(compiler, 'bin/tsc'), ...strict, ...modules, 'use.ts'], folder);
});
