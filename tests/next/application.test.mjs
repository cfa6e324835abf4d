// The packed package in a Next.js application, as it is built for production and run: middleware, and
// handlers on the edge and in Node, by either bundler and without a setting for the package.

import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { run, start, until } from '../e2e/support/processes.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const NEXT = here('node_modules/next/dist/bin/next');
const fixtures = JSON.parse(readFileSync(here('../../wasm/test/fixtures/issuer.json'), 'utf8'));
const { root, now, tokens, lists } = fixtures;
const ENV = { NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' };
// A build that hangs is not waited for.
const MINUTES = 60_000;

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return String(port);
}

// A copy of the site in a folder beside it, so that it finds the same packages.
function site(name) {
  const folder = here(`.runs/${name}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(here('.runs'), { recursive: true });
  cpSync(here('site'), folder, { recursive: true });
  writeFileSync(`${folder}/fixture.json`, JSON.stringify({ root, now, bundle: lists.first.bundle }));
  return folder;
}

// Builds and serves the site; gives a function that asks it.
async function served(t, folder, ...how) {
  const built = await run(process.execPath, [NEXT, 'build', ...how], { cwd: folder, env: ENV });
  assert.equal(built.code, 0, built.stdout + built.stderr);
  const port = await freePort();
  const server = await start(process.execPath, [NEXT, 'start', folder, '--port', port, '--hostname', '127.0.0.1'], {
    env: ENV,
    ready: (told) => told.includes('Ready') || undefined,
  });
  t.after(() => server.stop());
  const ask = (path, headers = {}) => fetch(`http://127.0.0.1:${port}${path}`, { headers });
  await until('the site to answer', async () => (await ask('/node').catch(() => undefined)) !== undefined);
  return ask;
}

const ROUTES = { '/edge': 'edge', '/node': 'nodejs' };

async function check(ask, routes = ROUTES) {
  const key = (token) => ({ 'x-api-key': token });
  for (const [path, runtime] of Object.entries(routes)) {
    const good = await ask(path, key(tokens.test));
    assert.equal(good.status, 200, path);
    assert.deepEqual(await good.json(), { serial: 2, runtime });
  }
  const behind = await ask('/behind', key(tokens.test));
  assert.deepEqual([behind.status, await behind.text()], [200, 'behind the middleware']);
  for (const path of [...Object.keys(routes), '/behind']) {
    const none = await ask(path);
    assert.equal(none.status, 401, path);
    assert.match(none.headers.get('www-authenticate'), /^Bearer/);
    for (const bad of [tokens.suspended, `${tokens.test}0`, '\u00e9']) {
      assert.equal((await ask(path, key(bad))).status, 401, `${path} ${bad}`);
    }
    // A request that says of itself that the middleware has seen it.
    const sly = { 'x-middleware-subrequest': 'middleware:middleware:middleware:middleware:middleware', 'x-middleware-next': '1' };
    assert.equal((await ask(path, sly)).status, 401, path);
  }
}

test('Turbopack, with middleware on the edge', { timeout: 5 * MINUTES }, async (t) => {
  await check(await served(t, site('turbopack')));
});

// Of this version, webpack can't build any route on the edge: it looks for a manifest that it has not
// written, whatever the route imports.
function forWebpack(name) {
  const folder = site(name);
  rmSync(`${folder}/app/edge`, { recursive: true });
  return folder;
}

test('webpack, with middleware on the edge', { timeout: 5 * MINUTES }, async (t) => {
  await check(await served(t, forWebpack('webpack'), '--webpack'), { '/node': 'nodejs' });
});

test('webpack, with a proxy in Node', { timeout: 5 * MINUTES }, async (t) => {
  const folder = forWebpack('proxy');
  renameSync(`${folder}/middleware.js`, `${folder}/proxy.js`);
  await check(await served(t, folder, '--webpack'), { '/node': 'nodejs' });
});

test('what is built is what is packed', () => {
  assert.ok(existsSync(here('node_modules/portcullis/dist/portcullis.wasm')));
  assert.ok(!existsSync(here('node_modules/portcullis/test')), 'a link to the sources is no package');
});
