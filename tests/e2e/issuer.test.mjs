// The issuer as people and programs use it: its command line and its HTTP API.

import assert from 'node:assert/strict';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';

import { fetchBytes } from './support/http.mjs';
import { makeIssuer, startIssuer } from './support/issuer.mjs';
import { handedOver, run } from './support/processes.mjs';

let issuer;
before(async () => (issuer = await startIssuer()));

const program = (args, options) => run(handedOver('PORTCULLIS_BIN'), args, options);

test('every subcommand explains itself with an example', async () => {
  const paths = [
    [],
    ['init'],
    ['keys'],
    ...['create', 'list', 'show', 'revoke', 'roll'].map((act) => ['keys', act]),
    ['list'],
    ...['publish', 'show', 'verify'].map((act) => ['list', act]),
    ['keyring', 'export'],
    ['verify'],
    ['serve'],
  ];
  for (const path of paths) {
    const { code, stdout } = await program([...path, '--help']);
    assert.equal(code, 0, path.join(' '));
    assert.match(stdout, /Example/i, `portcullis ${path.join(' ')} --help shows no example`);
    assert.match(stdout, /--json/, path.join(' '));
    assert.ok(!stdout.includes('\u001b['), 'colours where there is no terminal');
  }
});

test('verify exits with 0 accepted, 1 refused, 2 misuse', async () => {
  const key = await issuer.create();
  const verify = (...args) => program(['--home', issuer.home, 'verify', ...args]);
  assert.equal((await verify(key.token)).code, 0);
  assert.equal((await program(['--home', issuer.home, 'verify', '-'], { input: key.token + '\n' })).code, 0);
  assert.equal((await verify('--kind', 'publishable', key.token)).code, 1);
  assert.equal((await verify('sk_live_nonsense')).code, 1);
  assert.equal((await verify()).code, 2);
  assert.equal((await verify('--kind', 'neither', key.token)).code, 2);
  await issuer.revoke(key.id);
  const refused = await program(['--home', issuer.home, '--json', 'verify', key.token]);
  assert.equal(refused.code, 1);
  assert.equal(JSON.parse(refused.stdout).code, 'revoked');
});

test('HTTP and command line share one life of a key', async () => {
  const made = await issuer.api('POST', '/v1/keys', { title: 'Storefront', kind: 'publishable', environment: 'live' });
  assert.equal(made.status, 201);
  assert.equal(made.headers.get('cache-control'), 'no-store');
  const { key, token } = made.body;
  assert.match(token, /^pk_live_[0-9A-Za-z]{132}$/);
  assert.deepEqual((await issuer.cli(['keys', 'show', key.id])).id, key.id);
  assert.equal((await issuer.api('GET', `/v1/keys/${key.id}`)).body.state, 'active');
  assert.equal((await issuer.api('POST', '/v1/verify', { token })).body.ok, true);
  await issuer.revoke(key.id);
  assert.equal((await issuer.api('GET', `/v1/keys/${key.id}`)).body.state, 'revoked');
  const verdict = await issuer.api('POST', '/v1/verify', { token });
  assert.equal(verdict.status, 200);
  assert.deepEqual([verdict.body.ok, verdict.body.code], [false, 'revoked']);
});

test('the API is closed to everyone without an admin key', async () => {
  const { token } = await issuer.create();
  for (const authorization of [undefined, 'Bearer nonsense', `Bearer ${token}`, `Basic ${issuer.adminKey}`]) {
    const answer = await fetch(`${issuer.url}/v1/keys`, { headers: authorization ? { authorization } : {} });
    assert.equal(answer.status, 401, authorization);
    assert.match(answer.headers.get('www-authenticate'), /^Bearer realm="portcullis"/);
    assert.match(answer.headers.get('content-type'), /^application\/problem\+json/);
  }
});

test('mistakes get problems that say what to do', async () => {
  const unknown = await issuer.api('GET', '/v1/keys/apk_0000000000000000000000');
  assert.deepEqual([unknown.status, unknown.body.code], [404, 'not_found']);
  assert.equal((await issuer.api('POST', '/v1/keys/apk_0000000000000000000000/revoke', {})).status, 404);
  for (const body of [{}, { title: '' }, { title: 'x', kind: 'neither' }, { title: 'x', surprise: 1 }]) {
    const answer = await issuer.api('POST', '/v1/keys', body);
    assert.equal(answer.status >= 400 && answer.status < 500, true, JSON.stringify(body));
    assert.match(answer.headers.get('content-type'), /^application\/problem\+json/);
    assert.ok(answer.body.detail.length > 10);
  }
  const huge = await fetch(`${issuer.url}/v1/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${issuer.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ title: 'x'.repeat(1 << 20) }),
  });
  assert.equal(huge.status, 413);
});

test('well-known files have strong tags and are not sent twice', async () => {
  for (const name of ['keyring', 'stamp', 'head', 'bundle']) {
    const path = `/.well-known/portcullis/${name}`;
    let again;
    // A stamp is renewed now and then: between two questions it may be another.
    for (let tries = 0; tries < 20 && again?.status !== 304; tries++) {
      const { headers } = await fetchBytes(issuer.url, path);
      assert.match(headers.etag, /^"[0-9a-f]{64}"$/);
      assert.equal(headers['access-control-allow-origin'], '*');
      again = await fetch(issuer.url + path, { headers: { 'if-none-match': headers.etag } });
    }
    assert.equal(again.status, 304, name);
  }
});

test('a bundle is verified against the pinned root alone', async () => {
  const { body } = await fetchBytes(issuer.url, '/.well-known/portcullis/bundle');
  const file = join(issuer.home, 'bundle');
  await writeFile(file, body);
  const verify = (root) => program(['--home', issuer.home, 'list', 'verify', '--bundle', file, '--root', root]);
  assert.equal((await verify(issuer.root)).code, 0);
  const other = await makeIssuer();
  const refused = await verify(other.root);
  assert.equal(refused.code, 1);
  assert.match(refused.stdout + refused.stderr, /root/);
});

test('nothing secret lies in the database, and the key files are closed to others', async () => {
  const key = await issuer.create();
  const database = await readFile(join(issuer.home, 'issuer.db'));
  const log = await readFile(join(issuer.home, 'issuer.db-wal')).catch(() => Buffer.alloc(0));
  for (const file of [database, log]) {
    assert.ok(!file.includes(key.token));
    assert.ok(!file.includes(key.token.slice(20, 60)));
    assert.ok(!file.includes(issuer.adminKey.slice(20, 60)));
  }
  assert.ok(!issuer.server.log.includes(key.token));
  for (const name of ['keystore.json', 'root.key']) {
    assert.equal((await stat(join(issuer.home, name))).mode & 0o777, 0o600);
  }
});

test('a public export holds no secret, and a gate\'s only what it needs', async () => {
  const publicExport = await program(['--home', issuer.home, '--json', 'keyring', 'export', '--public']);
  assert.equal(publicExport.code, 0);
  const gate = JSON.parse(issuer.gateKeys);
  assert.equal(gate.issuer, issuer.issuer);
  for (const { secret } of gate.secrets) assert.ok(!publicExport.stdout.includes(secret));
  const live = await issuer.cli(['keyring', 'export', '--gate', '--environment', 'live']);
  assert.equal(live.secrets.length, 1);
});

test('a home that is damaged, open or in use is refused with a sentence, and left as it is', async () => {
  const damaged = await makeIssuer();
  const keystore = join(damaged.home, 'keystore.json');
  await chmod(keystore, 0o644);
  const open = await program(['--home', damaged.home, 'keys', 'list']);
  assert.equal(open.code, 2);
  assert.match(open.stderr, /chmod 600/);
  await chmod(keystore, 0o600);

  const kept = await readFile(keystore);
  await writeFile(keystore, '{ "half": ');
  const corrupt = await program(['--home', damaged.home, 'keys', 'create', '--title', 'x']);
  assert.equal(corrupt.code, 2);
  assert.match(corrupt.stderr, /keystore/);
  assert.equal(await readFile(keystore, 'utf8'), '{ "half": ');
  await writeFile(keystore, kept, { mode: 0o600 });

  const again = await program(['--home', damaged.home, 'init']);
  assert.equal(again.code, 2);

  const database = join(damaged.home, 'issuer.db');
  await writeFile(database, 'this is no database at all, though it is long enough to be one');
  const broken = await program(['--home', damaged.home, 'keys', 'list']);
  assert.equal(broken.code, 2);
  assert.match(broken.stderr, /database/);

  const port = new URL(issuer.url).port;
  const busy = await program(['--home', issuer.home, 'serve', '--listen', `127.0.0.1:${port}`]);
  assert.equal(busy.code, 2);
  assert.match(busy.stderr, new RegExp(port));
});
