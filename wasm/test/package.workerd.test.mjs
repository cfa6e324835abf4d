// The package in workerd itself: its files as they are, no bundler, the module imported as wasm.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { files, fixtures, issuer, lists, now, root, tokens } from './support.mjs';

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
const WORKER = `
  import { createVerifier, httpSource } from './js/workerd.js';
  let verifier;
  export default {
    async fetch(request) {
      try {
        const { make, refresh, verify } = await request.json();
        if (make) verifier = createVerifier({ ...make, source: httpSource(make.issuer) });
        if (refresh) await verifier.refresh(refresh);
        return Response.json(verify.map(({ token, ...options }) => verifier.verify(token, options)));
      } catch (error) {
        return Response.json({ thrown: { name: error.name, code: error.code, message: error.message } });
      }
    },
  };
`;

async function workerd(t) {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-workerd-'));
  writeFileSync(join(folder, 'worker.js'), WORKER);
  // workerd embeds files beside its configuration alone.
  for (const part of ['js', 'dist']) cpSync(join(PACKAGE, part), join(folder, part), { recursive: true });
  const module = (name, type = 'esModule') => `(name = "${name}", ${type} = embed "${name}")`;
  const modules = [
    module('worker.js'),
    ...readdirSync(join(folder, 'js')).map((file) => module(`js/${file}`)),
    module('dist/portcullis.js'),
    module('dist/portcullis_bg.wasm', 'wasm'),
  ];
  writeFileSync(
    join(folder, 'config.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";
    const config :Workerd.Config = (
      services = [
        (name = "main", worker = (
          modules = [${modules.join(',\n')}],
          compatibilityDate = "2026-04-01",
          globalOutbound = "loopback",
        )),
        (name = "loopback", network = (allow = ["private"])),
      ],
      sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
    );`,
  );
  const program = createRequire(import.meta.url)('workerd').default;
  const child = spawn(program, ['serve', '--control-fd=3', join(folder, 'config.capnp')], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  });
  t.after(async () => {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    if (child.exitCode === null && child.kill()) await gone;
    rmSync(folder, { recursive: true });
  });
  const port = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`workerd ended with ${code}`)));
    createInterface({ input: child.stdio[3] }).on('line', (line) => {
      const said = JSON.parse(line);
      if (said.event === 'listen') resolve(said.port);
    });
  });
  return async (question) => {
    const init = { method: 'POST', body: JSON.stringify(question) };
    return (await fetch(`http://127.0.0.1:${port}/`, init)).json();
  };
}

test('in workerd: keys are judged, and a refresh brings a revocation', async (t) => {
  const server = await issuer(files(lists.first));
  t.after(server.close);
  const ask = await workerd(t);
  const secrets = [{ kid: 1, secret: fixtures.secret }];
  const verify = [
    { token: tokens.publishable, now, kind: 'publishable', environment: 'live' },
    { token: tokens.secret, now },
    { token: tokens.revokedInSecond, now },
    { token: tokens.ofOtherIssuer, now },
    { token: tokens.revokedLater, now: now + 30_000 },
    { token: `${tokens.publishable}\u{141}`, now },
    { token: 'x'.repeat(1_000_000), now },
  ];
  const told = (verdicts) => verdicts.map(({ ok, code }) => (ok ? 'accepted' : code));

  const first = await ask({ make: { root, secrets, issuer: server.url }, refresh: { now }, verify });
  assert.equal(first.thrown, undefined, JSON.stringify(first.thrown));
  assert.deepEqual(told(first), [
    'accepted', 'accepted', 'accepted', 'bad_signature', 'revoked', 'malformed_character',
    'malformed_too_long',
  ]);
  assert.equal(first[0].key.owner, 42);
  assert.deepEqual(server.asked, ['bundle']);

  // Another request: the verifier of the first goes on, and may be refreshed by this one.
  server.served = files(lists.second);
  const second = await ask({ refresh: { now }, verify: verify.slice(0, 3) });
  assert.deepEqual(told(second), ['accepted', 'accepted', 'revoked']);

  const thrown = await ask({ verify: [{ token: 7 }] });
  assert.equal(thrown.thrown.name, 'TypeError');
  await server.close();
  const down = await ask({ refresh: { now }, verify: [] });
  assert.equal(down.thrown.code, 'source_unreachable');
});
