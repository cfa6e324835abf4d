// Token Status Lists in workerd, which cancels the fetches of a request when the request ends.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import test from 'node:test';
import { deflateSync } from 'node:zlib';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { close, listen } from './support.mjs';
import { startWorker } from './workerd.mjs';

const { publicKey, privateKey } = await generateKeyPair('Ed25519', { extractable: true });

// A site with one list, which `state.answer` sends, and a Worker that looks up statuses in it.
async function start(t, { options = '', waitUntil = 'undefined' } = {}) {
  const state = { asked: 0, gone: 0 };
  const site = createServer((request, response) => {
    state.asked += 1;
    response.on('close', () => { state.gone += Number(!response.writableFinished); });
    state.answer(response);
  });
  const uri = `http://127.0.0.1:${await listen(site)}/1`;
  t.after(() => close(site));
  const iat = Math.floor(Date.now() / 1000);
  state.token = (ttl, byte = 0) => {
    const lst = deflateSync(Buffer.of(byte)).toString('base64url');
    const claims = { sub: uri, iat, exp: iat + 3600, ttl, status_list: { bits: 1, lst } };
    return new SignJWT(claims).setProtectedHeader({ alg: 'EdDSA', typ: 'statuslist+jwt' }).sign(privateKey);
  };
  const worker = await startWorker(`
    import { createStatusChecker } from './js/status-list/workerd.js';
    const status = createStatusChecker({ key: ${JSON.stringify(await exportJWK(publicKey))}, uris: ['${uri}'], ${options} });
    export default {
      async fetch(request, env, context) {
        const { ok, code, list } = await status.check({ status: { status_list: { idx: 0, uri: '${uri}' } } }, { waitUntil: ${waitUntil} });
        return Response.json(ok ? list.freshness : code);
      },
    };
  `);
  t.after(() => worker.stop());
  state.url = worker.url;
  state.ask = async (init) => (await fetch(worker.url, { signal: AbortSignal.timeout(20_000), ...init })).json();
  return state;
}

const sleep = (millis) => new Promise((done) => { setTimeout(done, millis); });

async function until(what, holds) {
  const end = Date.now() + 20_000;
  while (!(await holds())) {
    assert.ok(Date.now() < end, what);
    await sleep(20);
  }
}

test('nobody waits for the fetch of a request that is gone', async (t) => {
  const site = await start(t);
  const token = await site.token(60);
  // The first fetch gets no answer, and ends with its request.
  site.answer = () => {};
  const client = connect(new URL(site.url).port, '127.0.0.1', () => client.write('GET / HTTP/1.1\r\nhost: a.example\r\n\r\n'));
  await until('the list is asked for', () => site.asked === 1);
  client.resetAndDestroy();
  site.answer = (response) => response.end(token);
  const answers = await Promise.all(Array.from({ length: 20 }, () => site.ask()));
  assert.deepEqual(answers, answers.map(() => 'fresh'));
  assert.ok(site.asked < 10, `and few fetches were for all of them: ${site.asked}`);
  await until('the first one ended with its request', () => site.gone === 1);
});

test('a fetch that ended with its answer keeps no later one from being made', async (t) => {
  const site = await start(t, { options: 'deadline: 50' });
  const token = await site.token(1);
  site.answer = (response) => response.end(token);
  assert.equal(await site.ask(), 'fresh');
  site.answer = () => {};
  await until('the list is stale', async () => (await site.ask()) === 'stale');
  await until('the fetch behind it ends with its request', () => site.gone > 0);
  site.answer = (response) => response.end(token);
  await until('it is fetched anew', async () => (await site.ask()) === 'fresh');
});

test('a fetch that is kept alive behind the answer brings the list', async (t) => {
  const site = await start(t, { options: 'deadline: 50', waitUntil: 'context.waitUntil.bind(context)' });
  const [first, second] = [await site.token(1), await site.token(1, 1)];
  site.answer = (response) => response.end(first);
  assert.equal(await site.ask(), 'fresh');
  site.answer = (response) => setTimeout(() => response.end(second), 300);
  await until('the slow list is in force', async () => (await site.ask()) === 'status_invalid');
  assert.equal(site.gone, 0);
});
