// More hostile connections than the issuer has descriptors, and the gate that fetches its list from
// that very issuer: it goes on passing good keys, and refuses a revoked one within the bound that is signed.

import assert from 'node:assert/strict';
import { readdir, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';

import { startGate } from './support/gate.mjs';
import { startOrigin } from './support/http.mjs';
import { startIssuer } from './support/issuer.mjs';
import { atEnd, temporaryFolder, until } from './support/processes.mjs';

const DESCRIPTORS = 1024;
const HOSTILE = 1100;
// Short, so that a list that is not renewed runs out while an attack is watched.
const VALID_FOR = 15_000;
const WATCHED = 16_000;
const COME_AGAIN = 250;

const pause = (millis) => new Promise((resolve) => setTimeout(resolve, millis));

/** What a hostile client does with a connection. */
const ATTACKS = {
  'say nothing': () => {},
  'begin a head and trickle it': (socket) => {
    socket.write('GET /health/live HTTP/1.1\r\nx: ');
    const timer = setInterval(() => socket.write('x'), 500);
    socket.once('close', () => clearInterval(timer));
  },
  'come and go': (socket) => setTimeout(() => socket.destroy(), 20 + Math.random() * 200),
};
const ADDRESSES = {
  'one address': () => '127.0.0.1',
  'many addresses': (at) => `127.1.${at >> 8}.${1 + (at % 250)}`,
};
const CROWDS = [
  ['say nothing', 'one address'],
  ['say nothing', 'many addresses'],
  ['begin a head and trickle it', 'many addresses'],
  ['come and go', 'one address'],
];

/** So many connections, each opened again whenever it is closed, until `end` is called. */
function crowd(port, attack, addressOf) {
  let over = false;
  const open = new Set();
  const come = (at) => {
    if (over) return;
    const socket = connect({ port, host: '127.0.0.1', localAddress: addressOf(at) });
    open.add(socket);
    socket.once('connect', () => attack(socket));
    // Being closed is what a hostile client has to expect.
    socket.on('error', () => {});
    socket.once('close', () => {
      open.delete(socket);
      setTimeout(come, COME_AGAIN, at).unref();
    });
  };
  for (let at = 0; at < HOSTILE; at++) come(at);
  const end = () => {
    over = true;
    for (const socket of open) socket.destroy();
  };
  atEnd(end);
  return end;
}

/** When the newest file of a folder was written. */
async function newest(folder) {
  const names = await readdir(folder, { recursive: true });
  const times = await Promise.all(names.map(async (name) => (await stat(join(folder, name)).catch(() => ({}))).mtimeMs));
  return Math.max(...times.filter(Number.isFinite));
}

test('with more hostile connections than descriptors', async (context) => {
  const folder = await temporaryFolder();
  const [issuer, origin] = await Promise.all([
    startIssuer({
      under: ['prlimit', `--nofile=${DESCRIPTORS}:${DESCRIPTORS}`],
      validFor: `${VALID_FOR}ms`,
      targets: [`dir:${folder}`],
    }),
    startOrigin(),
  ]);
  const gate = await startGate({
    ISSUER_URL: issuer.url,
    ORIGIN_URL: origin.url,
    ROOT: issuer.root,
    HMAC_KEYS: issuer.gateKeys,
    DEADLINE_MS: '2000',
  });
  const good = await issuer.create();
  await until('the gate is open', async () => (await gate.ask(good.token)).status === 200);
  const port = Number(new URL(issuer.url).port);

  for (const [doing, from] of CROWDS) {
    const [attack, addressOf] = [ATTACKS[doing], ADDRESSES[from]];
    await context.test(`that ${doing}, from ${from}, a gate of this issuer goes on and keeps its bound`, async (inner) => {
      const doomed = await issuer.create();
      await until('a new key passes', async () => (await gate.ask(doomed.token)).status === 200);
      const end = crowd(port, attack, addressOf);
      const last = Date.now() + WATCHED;
      let asked = 0;
      let oldest = 0;
      while (Date.now() < last) {
        assert.equal((await gate.ask(good.token)).status, 200, gate.log.slice(-500));
        asked += 1;
        oldest = Math.max(oldest, Math.round(Date.now() - (await newest(folder))));
        await pause(50);
      }
      assert.ok(oldest < VALID_FOR, `the folder's list was ${oldest} ms old`);
      const { bounds } = (await gate.ask(issuer.adminKey, { path: '/.portcullis/status' })).json;
      // Over a connection of its own, as an admin would who learns of a leak now.
      const answer = await until('the revocation is taken', () =>
        issuer.api('POST', `/v1/keys/${doomed.id}/revoke`, {}, { connection: 'close' }).catch(() => undefined),
      );
      assert.equal(answer.status, 200);
      const revoked = Date.now();
      let passed = revoked;
      for (;;) {
        const since = Date.now();
        const { status } = await gate.ask(doomed.token);
        // A gate whose list has run out refuses every key.
        if (status === 401 || status === 503) break;
        assert.equal(status, 200);
        passed = since;
        assert.ok(since - revoked < 30_000, 'it goes on passing');
      }
      end();
      const took = Date.now() - revoked;
      inner.diagnostic(
        `${asked} passed; the folder's list was ${oldest} ms old at most; refused ${took} ms after, bounds ${bounds.soft_ms} and ${bounds.hard_ms}`,
      );
      // The soft bound holds while the issuer answers in time, and this attack makes it late. The
      // signed bound holds all the same.
      assert.ok(passed - revoked <= bounds.hard_ms, `passed ${passed - revoked} ms after it was revoked`);
    });
  }
});
