// The examples of the README and of docs/assertion.md, run as they are in an empty folder with the packed
// package.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import test from 'node:test';
import { deflateSync } from 'node:zlib';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { assertionOf, keyOf, keyringOf } from './assertion-files.mjs';
import { install, MODULES, program } from './packed.mjs';
import { close, files, fixtures, issuer, listen, lists, now, root, tokens } from './support.mjs';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const blocks = [...readme.matchAll(/^```js\n\/\/ ([\w.]+)(.*)\n([^]*?)^```$/gm)];
const names = blocks.map(([, name]) => name);

// Runs a program while this process serves. Resolves to its output.
function beside(command, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => { output += chunk; });
    child.stderr.on('data', (chunk) => { output += chunk; });
    child.once('error', reject);
    child.once('exit', () => resolve(output));
  });
}

async function freePort() {
  const free = createServer();
  const port = await listen(free);
  await close(free);
  return port;
}

// Retries until the server has started.
async function answered(address, headers) {
  const until = Date.now() + 20_000;
  for (;;) {
    try {
      return await fetch(address, { headers });
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((done) => { setTimeout(done, 20); });
    }
  }
}

test('the examples', async (t) => {
  assert.deepEqual(names, ['verify.mjs', 'worker.mjs', 'hono.mjs', 'express.cjs', 'origin.mjs', 'caller.mjs', 'status.mjs', 'bindgen.mjs']);
  const { folder } = install(t);
  for (const name of ['hono', 'express', 'jose']) symlinkSync(join(MODULES, name), join(folder, 'node_modules', name));
  const keys = await issuer(files(lists.withPolicies));
  t.after(keys.close);
  // The fixtures are valid at another time.
  writeFileSync(join(folder, 'clock.cjs'), `Date.now = () => ${now};`);
  const write = (name, text) => writeFileSync(join(folder, name), text);
  const local = (text) => text.replaceAll('THE-ISSUERS-PUBLIC-ROOT-KEY', root).replaceAll('https://keys.example.com', keys.url);
  for (const [, name, , text] of blocks) write(name, local(text));
  const env = { ...process.env, API_KEY: tokens.publishable, NODE_OPTIONS: '--require ./clock.cjs', NO_COLOR: '1' };
  const node = (file, more) => beside('node', [file], { cwd: folder, env: { ...env, ...more } });

  await t.test('verify.mjs in Node', async () => {
    assert.equal(await node('verify.mjs'), '42 fresh\n');
    assert.equal(await node('verify.mjs', { API_KEY: tokens.suspended }), 'suspended\n');
  });
  const [deno, bun] = [program('@deno', 'deno'), program('@oven', 'bin/bun')];
  write('clocked.mjs', 'import \'./clock.cjs\';\nawait import(\'./verify.mjs\');\n');
  await t.test('verify.mjs in Deno', { skip: deno === undefined && 'npm has no Deno for this machine' }, async () => {
    const more = { DENO_NO_UPDATE_CHECK: '1', DENO_DIR: join(folder, '.deno') };
    const args = ['run', '--no-remote', '--allow-read', '--allow-net', '--allow-env', 'clocked.mjs'];
    assert.equal(await beside(deno, args, { cwd: folder, env: { ...env, ...more } }), '42 fresh\n');
  });
  await t.test('verify.mjs in Bun', { skip: bun === undefined && 'npm has no Bun for this machine' }, async () => {
    assert.equal(await beside(bun, ['--no-install', 'clocked.mjs'], { cwd: folder, env }), '42 fresh\n');
  });

  await t.test('bindgen.mjs', async () => {
    assert.equal(await node('bindgen.mjs'), '42\n');
    assert.equal(await node('bindgen.mjs', { API_KEY: tokens.suspended }), 'suspended\n');
  });
  await t.test('worker.mjs, as a function of requests', async () => {
    write('ask.mjs', `
      import worker from './worker.mjs';
      const ask = (headers) => worker.fetch(new Request('https://a.example/store/x', { headers }), {}, { waitUntil() {} });
      const origin = 'https://shop.example';
      console.log(await (await ask({ origin, authorization: 'Bearer ${tokens.publishable}' })).text());
      console.log((await ask({ origin, authorization: 'Bearer ${tokens.revokedInSecond}x' })).status);
    `);
    assert.equal(await node('ask.mjs'), '{"owner":42,"scopes":["carts:*","orders:read"]}\nmalformed_length\n401\n');
  });

  await t.test('hono.mjs', async () => {
    write('ask.mjs', `
      import { app } from './hono.mjs';
      const ask = async (key) => {
        const headers = { 'x-publishable-api-key': key, origin: 'https://shop.example' };
        const response = await app.request('/store/orders', { headers });
        return [response.status, await response.text()].join(' ').slice(0, 16);
      };
      console.log(await ask('${tokens.publishable}'), await ask('${tokens.secret}'));
    `);
    assert.match(await node('ask.mjs'), /^200 \{"owner":42\} 401 \{"type":/);
  });

  await t.test('express.cjs', async (t_) => {
    const HMAC_KEYS = JSON.stringify({ secrets: [{ kid: 1, secret: fixtures.secret }] });
    const PORT = String(await freePort());
    const server = spawn('node', ['express.cjs'], { cwd: folder, env: { ...env, HMAC_KEYS, PORT }, stdio: 'inherit' });
    t_.after(() => server.kill());
    const ask = (key) => answered(`http://127.0.0.1:${PORT}/admin`, { authorization: `Bearer ${key}` });
    assert.match((await (await ask(tokens.secret)).json()).key, /^apk_[0-9A-Za-z]{22}$/);
    assert.equal((await ask(tokens.test)).status, 401);
    assert.equal((await ask(tokens.secretWithPolicy)).status, 401, 'its policy names other networks');
  });

  const gate = await issuer({ keyring: keyringOf({ notAfter: now + 1e10, signers: [{ kid: 9, seed: 9 }] }) });
  t.after(gate.close);
  const ofGate = (text) => text.replaceAll('THE-ISSUERS-PUBLIC-ROOT-KEY', keyOf(1).text).replaceAll('https://keys.example.com', gate.url);

  await t.test('origin.mjs', async () => {
    write('origin.mjs', ofGate(blocks[names.indexOf('origin.mjs')][3]));
    write('ask.mjs', `
      import origin from './origin.mjs';
      const ask = (headers) => origin.fetch(new Request('https://origin.example/', { headers }));
      console.log(await (await ask({ 'portcullis-assertion': '${assertionOf({ at: now, scopes: 'orders:*' })}' })).text());
      console.log((await ask({ 'portcullis-assertion': '${assertionOf({ at: now, audience: 'b.example' })}' })).status);
      console.log((await ask({})).status);
    `);
    const said = '{"owner":7,"mayRead":true}\nassertion_wrong_audience\n403\nassertion_missing\n403\n';
    assert.equal(await node('ask.mjs'), said);
    const more = { DENO_NO_UPDATE_CHECK: '1', DENO_DIR: join(folder, '.deno') };
    write('clocked.mjs', 'import \'./clock.cjs\';\nawait import(\'./ask.mjs\');\n');
    const args = ['run', '--no-remote', '--allow-read', '--allow-net', '--allow-env', 'clocked.mjs'];
    if (deno) assert.equal(await beside(deno, args, { cwd: folder, env: { ...env, ...more } }), said);
    if (bun) assert.equal(await beside(bun, ['--no-install', 'clocked.mjs'], { cwd: folder, env }), said);
  });

  await t.test('caller.mjs', async () => {
    write('ask.mjs', `
      import origin from './caller.mjs';
      const line = 'key=apk_L3sB1aaMz2uK24WBLB1hcf, issuer=iss_L3sB1aaMz2uK24WBLB1hcf, kind=secret, environment=live, list=1, freshness=fresh, owner=7';
      const ask = (headers) => origin.fetch(new Request('https://origin.example/', { headers }));
      console.log(await (await ask({ portcullis: line })).text());
      console.log(await (await ask({ portcullis: line + ', policy=1, scopes=("orders:*")' })).text());
      console.log((await ask({ portcullis: line + ', owner=8' })).status);
      console.log((await ask({})).status);
    `);
    const said = '{"owner":7,"mayRead":false}\n{"owner":7,"mayRead":true}\n403\n403\n';
    assert.equal(await node('ask.mjs'), said);
    const more = { DENO_NO_UPDATE_CHECK: '1', DENO_DIR: join(folder, '.deno') };
    if (deno) assert.equal(await beside(deno, ['run', '--no-remote', '--allow-read', 'ask.mjs'], { cwd: folder, env: { ...env, ...more } }), said);
    if (bun) assert.equal(await beside(bun, ['--no-install', 'ask.mjs'], { cwd: folder, env }), said);
  });

  await t.test('the example of docs/assertion.md', async (t_) => {
    const doc = readFileSync(new URL('../../docs/assertion.md', import.meta.url), 'utf8');
    const [, example] = /^```js\n([^]*?)^```$/m.exec(doc);
    write('documented.mjs', example);
    const PORT = String(await freePort());
    const more = { ROOT: keyOf(1).text, ISSUER_URL: gate.url, PORT };
    const server = spawn('node', ['documented.mjs'], { cwd: folder, env: { ...env, ...more }, stdio: 'inherit' });
    t_.after(() => server.kill());
    const ask = async (said) => {
      const response = await answered(`http://127.0.0.1:${PORT}/orders`, { 'portcullis-assertion': assertionOf({ at: now, ...said }) });
      return [response.status, await response.json()];
    };
    assert.deepEqual(await ask({ scopes: 'orders:*', salesChannels: 'sc_1' }), [200, { owner: 7, channels: ['sc_1'] }]);
    assert.equal((await ask({ scopes: 'orders:*', seed: 8 }))[0], 403);
    assert.match((await ask({}))[1].type, /insufficient_scope$/);
  });

  await t.test('status.mjs', async (t_) => {
    const { publicKey, privateKey } = await generateKeyPair('Ed25519', { extractable: true });
    const site = createServer(async (request, response) => {
      if (request.url === '/jwks.json') {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'a', alg: 'EdDSA' }] }));
        return;
      }
      response.end(await sign({ sub: `${url}/statuslists/1`, ttl: 60, status_list: { bits: 1, lst: deflateSync(Buffer.from([2])).toString('base64url') } }, 'statuslist+jwt'));
    });
    const url = `http://127.0.0.1:${await listen(site)}`;
    t_.after(() => close(site));
    const sign = (claims, typ) =>
      new SignJWT({ iat: now / 1000, exp: now / 1000 + 600, ...claims }).setProtectedHeader({ alg: 'EdDSA', kid: 'a', typ }).sign(privateKey);
    const [, , , text] = blocks[names.indexOf('status.mjs')];
    // jose reads the time with `new Date()`.
    write('status.mjs', text.replaceAll('https://issuer.example', url).replace('jwtVerify(process.env.JWT, keys)', `jwtVerify(process.env.JWT, keys, { currentDate: new Date(${now}) })`));
    const token = (idx) => sign({ sub: 'somebody', status: { status_list: { idx, uri: `${url}/statuslists/1` } } }, 'JWT');
    assert.equal(await node('status.mjs', { JWT: await token(0) }), 'somebody\n');
    assert.equal(await node('status.mjs', { JWT: await token(1) }), 'status_invalid\n');
  });
});
