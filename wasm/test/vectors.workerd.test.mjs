// The shared vectors in workerd: one Worker that imports the package's own entry and is told each
// vector over HTTP.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { expected, vectors } from './vectors.mjs';

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
const WORKER = `
  import { createVerifier } from './js/workerd.js';
  import { judge } from './test/judge.mjs';
  export default {
    async fetch(request) {
      return Response.json(judge(createVerifier, await request.json()));
    },
  };
`;

const folder = mkdtempSync(join(tmpdir(), 'portcullis-vectors-'));
let child;
let address;

before(async () => {
  writeFileSync(join(folder, 'worker.js'), WORKER);
  // workerd embeds files beside its configuration alone.
  for (const part of ['js', 'dist', 'test/judge.mjs']) {
    cpSync(join(PACKAGE, part), join(folder, part), { recursive: true });
  }
  const module = (name, type = 'esModule') => `(name = "${name}", ${type} = embed "${name}")`;
  const modules = [
    module('worker.js'),
    module('test/judge.mjs'),
    ...readdirSync(join(folder, 'js')).map((file) => module(`js/${file}`)),
    module('dist/portcullis.js'),
    module('dist/portcullis_bg.wasm', 'wasm'),
  ];
  writeFileSync(
    join(folder, 'config.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";
    const config :Workerd.Config = (
      services = [(name = "main", worker = (
        modules = [${modules.join(',\n')}],
        compatibilityDate = "2026-04-01",
      ))],
      sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
    );`,
  );
  const program = createRequire(import.meta.url)('workerd').default;
  child = spawn(program, ['serve', '--control-fd=3', join(folder, 'config.capnp')], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  });
  const port = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`workerd ended with ${code}`)));
    createInterface({ input: child.stdio[3] }).on('line', (line) => {
      const said = JSON.parse(line);
      if (said.event === 'listen') resolve(said.port);
    });
  });
  address = `http://127.0.0.1:${port}/`;
});

after(async () => {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  if (child.exitCode === null && child.kill()) await gone;
  rmSync(folder, { recursive: true });
});

for (const vector of vectors) {
  test(`${vector.name}: ${vector.about}`, async () => {
    const answer = await fetch(address, { method: 'POST', body: JSON.stringify(vector) });
    assert.deepEqual(await answer.json(), expected(vector));
  });
}
