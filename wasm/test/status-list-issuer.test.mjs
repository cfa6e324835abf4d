// Status lists from a real issuer, read by this package and by another implementation and verified by
// `jose`; and the example of docs/status-list.md, run as it is.

import assert from 'node:assert/strict';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { getListFromStatusListJWT } from '@sd-jwt/jwt-status-list';
import { createLocalJWKSet, createRemoteJWKSet, exportJWK, generateKeyPair, jwtVerify } from 'jose';
import { createIssuer } from 'portcullis/issuer';
import { createStatusChecker } from 'portcullis/status-list';

import { run, until } from '../../tests/e2e/support/processes.mjs';
import { startStatusIssuer } from '../../tests/e2e/support/status.mjs';
import { install, MODULES } from './packed.mjs';

let served;
let issuer;
let jwks;
before(async () => {
  served = await startStatusIssuer();
  issuer = createIssuer({ url: served.url, adminKey: served.adminKey });
  jwks = await (await fetch(`${served.base}jwks.json`)).json();
});

const checker = () => createStatusChecker({ key: jwks, uris: (uri) => uri.startsWith(served.base) });
// A new checker holds no list, so it reads the one that is published now.
const statusOf = async (key) => (await checker().check({ status: key.status })).status;
const becomes = (key, status) => until(`the status of a key to be ${status}`, async () => (await statusOf(key)) === status);

test('a key\'s life, as a relying party sees it', async () => {
  const { key } = await issuer.keys.create({ title: 'x' });
  const { idx, uri } = key.status.status_list;
  assert.deepEqual([uri, idx], [`${served.base}${Math.floor(key.serial / 2 ** 20)}.jwt`, key.serial % 2 ** 20]);
  assert.deepEqual((await issuer.keys.get(key.id)).status, key.status);
  assert.equal(await statusOf(key), 'valid');
  await issuer.keys.suspend(key.id);
  await becomes(key, 'suspended');
  await issuer.keys.resume(key.id);
  await becomes(key, 'valid');
  await issuer.keys.revoke(key.id);
  await becomes(key, 'invalid');
  const soon = await issuer.keys.create({ title: 'y' });
  await issuer.keys.revoke(soon.key.id, { in_seconds: 2 });
  assert.equal(await statusOf(soon.key), 'valid');
  await becomes(soon.key, 'invalid');
});

test('whoever holds a list goes on with it for its ttl, and then sees what is new', async () => {
  const { key } = await issuer.keys.create({ title: 'x' });
  const status = checker();
  const first = await status.check({ status: key.status });
  assert.equal(first.ok, true);
  await issuer.keys.revoke(key.id);
  await becomes(key, 'invalid');
  await until('the ttl to be over', async () => (await status.check({ status: key.status })).code === 'status_invalid');
});

test('a bulk revocation is written out for each key', async () => {
  const owner = await issuer.owners.create({ name: 'Acme' });
  const { key } = await issuer.keys.create({ title: 'x', owner: owner.number });
  const other = (await issuer.keys.create({ title: 'y' })).key;
  await served.cli(['revoke', '--owner', String(owner.number), '--yes']);
  await becomes(key, 'invalid');
  assert.equal(await statusOf(other), 'valid');
});

test('jose verifies the list by the key set, and another implementation reads the same from it', async () => {
  const keys = [];
  for (let at = 0; at < 12; at += 1) keys.push((await issuer.keys.create({ title: `${at}` })).key);
  for (const [at, key] of keys.entries()) {
    if (at % 3 === 1) await issuer.keys.revoke(key.id);
    if (at % 3 === 2) await issuer.keys.suspend(key.id);
  }
  await becomes(keys.at(-1), 'suspended');
  const { uri } = keys[0].status.status_list;
  const response = await fetch(uri, { headers: { accept: 'application/statuslist+jwt' } });
  assert.equal(response.headers.get('content-type'), 'application/statuslist+jwt');
  assert.equal(response.headers.get('cache-control'), 'public, max-age=1');
  const token = await response.text();
  const options = { typ: 'statuslist+jwt', algorithms: ['EdDSA'], subject: uri, requiredClaims: ['iat', 'exp', 'ttl', 'status_list'] };
  for (const set of [createLocalJWKSet(jwks), createRemoteJWKSet(new URL(`${served.base}jwks.json`))]) {
    const { payload, protectedHeader } = await jwtVerify(token, set, options);
    assert.deepEqual(protectedHeader, { alg: 'EdDSA', kid: served.kid, typ: 'statuslist+jwt' });
    assert.deepEqual([payload.ttl, payload.status_list.bits], [1, 2]);
  }
  const altered = token.replace(/\.(.)/, (all, first) => `.${first === 'A' ? 'B' : 'A'}`);
  await assert.rejects(jwtVerify(altered, createLocalJWKSet(jwks), options));

  const list = getListFromStatusListJWT(token);
  for (const [at, key] of keys.entries()) {
    const { value } = await checker().check({ status: key.status });
    assert.equal(list.getStatus(key.status.status_list.idx), value);
    assert.equal(value, at % 3);
  }
  const all = await (await fetch(`${served.base}aggregation.json`)).json();
  assert.ok(all.status_lists.includes(uri), String(all.status_lists));
  for (const each of all.status_lists) assert.equal((await fetch(each)).status, 200);
});

test('the key set holds the signers of status lists, and no other', async () => {
  const { signers } = await served.cli(['keyring', 'show']);
  const ours = signers.filter(({ purpose }) => purpose === 'status-list').map(({ kid }) => String(kid));
  assert.ok(signers.length > ours.length);
  assert.deepEqual(jwks.keys.map(({ kid }) => kid), ours);
});

test('the example of docs/status-list.md', async (t) => {
  const text = readFileSync(new URL('../../docs/status-list.md', import.meta.url), 'utf8');
  const [example] = [...text.matchAll(/^```js\n([^]*?)^```$/gm)].map(([, code]) => code);
  const { folder } = install(t);
  symlinkSync(join(MODULES, 'jose'), join(folder, 'node_modules', 'jose'));
  const pair = await generateKeyPair('EdDSA', { extractable: true });
  const jwk = async (key) => JSON.stringify(await exportJWK(key));
  writeFileSync(join(folder, 'example.mjs'), `
    import { importJWK } from 'jose';
    const [url, adminKey] = ${JSON.stringify([served.url, served.adminKey])};
    const privateKey = await importJWK(${await jwk(pair.privateKey)}, 'EdDSA');
    const publicKey = await importJWK(${await jwk(pair.publicKey)}, 'EdDSA');
    ${example}
    await issuer.keys.revoke(key.id);
    for (const end = Date.now() + 30_000; Date.now() < end;) {
      const again = await status.check(payload);
      if (!again.ok) { console.log(again.code); break; }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  `);
  const { code, stdout, stderr } = await run(process.execPath, ['example.mjs'], { cwd: folder });
  assert.equal(stdout, 'valid\nstatus_invalid\n', stderr);
  assert.equal(code, 0);
});
