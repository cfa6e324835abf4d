// The packed `portcullis/issuer`: as a module and in CommonJS, with its types.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { install, run } from './packed.mjs';

const USE = `
  const issuer = createIssuer({ url: 'https://keys.example.com', adminKey: 'k', fetch: async () => Response.json({ id: 'apk_1' }) });
  issuer.keys.get('apk_1').then(({ id }) => console.log(id, new IssuerError('c', 'm').code));
`;

test('the client works from the tarball, and its types hold', (t) => {
  const { folder } = install(t);
  const write = (name, text) => writeFileSync(join(folder, name), text);
  write('use.mjs', `import { createIssuer, IssuerError } from 'portcullis/issuer';${USE}`);
  write('use.cjs', `const { createIssuer, IssuerError } = require('portcullis/issuer');${USE}`);
  assert.equal(run('node', ['use.mjs'], folder), 'apk_1 c\n');
  assert.equal(run('node', ['--no-experimental-require-module', 'use.cjs'], folder), 'apk_1 c\n');

  const text = readFileSync(new URL('../../tests/types/issuer.ts', import.meta.url), 'utf8');
  write('use.ts', text);
  write('use.cts', text);
  const compiler = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
  const options = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--target', 'es2022'];
  const modules = ['--module', 'nodenext', '--lib', 'es2022,dom,dom.asynciterable', '--types', ''];
  run('node', [join(compiler, 'bin/tsc'), ...options, ...modules, 'use.ts', 'use.cts'], folder);
});
