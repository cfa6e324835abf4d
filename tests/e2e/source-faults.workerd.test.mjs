// Each source in real workerd, late, failing, lying, endless or gone: nobody waits for it longer
// than may be, nothing passes past the bound, and the gate comes back by itself.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';

import { startGate } from './support/gate.mjs';
import { fetchBytes, startOrigin, startRelay } from './support/http.mjs';
import { startIssuer } from './support/issuer.mjs';
import { temporaryFolder, until } from './support/processes.mjs';
import { faults, startKv, startR2 } from './support/stores.mjs';

const WELL_KNOWN = '/.well-known/portcullis';
const VALID_FOR = 6_000;
const NAMES = [...Object.keys(faults), 'old', 'foreign'];

let origin, issuer, other, good, folder, stores;

before(async () => {
  folder = await temporaryFolder();
  const kvs = await Promise.all(NAMES.map(() => startKv()));
  const targets = [...kvs.map((kv) => kv.target), `dir:${join(folder, 'list')},every=250ms`];
  [origin, issuer, other] = await Promise.all([
    startOrigin(),
    startIssuer({ validFor: `${VALID_FOR}ms`, targets }),
    startIssuer(),
  ]);
  good = await issuer.create();
  stores = { kv: () => kvs.pop(), r2: () => startR2(join(folder, 'list'), 'lists/'), http: startHttp };
});

/** The issuer over HTTP, as a store like the others. */
async function startHttp() {
  const relay = await startRelay(issuer.url);
  relay.answer = (path, truth) => {
    const name = path.slice(WELL_KNOWN.length + 1);
    return relay.fault ? relay.fault(() => truth(path), name) : truth(path);
  };
  return relay;
}

const settingsOf = (kind, store) => ({
  ORIGIN_URL: origin.url,
  ROOT: issuer.root,
  HMAC_KEYS: issuer.gateKeys,
  ...(kind === 'http' ? { ISSUER_URL: store.url } : {}),
  ...(kind === 'r2' ? { LIST_R2_PREFIX: 'lists' } : {}),
});

/** Keeps whatever the store says now, and puts it out again later. */
function recording(store) {
  const kept = new Map();
  store.fault = async (truth, name) => {
    const answer = await truth();
    kept.set(name, answer);
    return answer;
  };
  return (truth, name) => kept.get(name) ?? truth();
}

/** What another issuer would have there. R2 speaks a form of its own: there it is simply wrong. */
async function foreign(truth, name) {
  const file = name.replace(/^lists\//, '');
  const answer = await truth();
  const lie = await fetchBytes(other.url, `${WELL_KNOWN}/${file}`);
  if (file === 'keyring' || lie.status !== 200) return answer;
  const skip = Number(answer.sent?.['cf-r2-metadata-size'] ?? 0);
  return { ...answer, body: Buffer.concat([answer.body.subarray(0, skip), lie.body]) };
}

const nextUpdate = (stamp) => Number(stamp.readBigUInt64BE(42));

async function timed(question) {
  const start = Date.now();
  const answer = await question();
  return { answer, start, took: Date.now() - start };
}

for (const kind of ['http', 'kv', 'r2']) {
  describe(`a gate whose source is ${kind}`, { concurrency: 4 }, () => {
    for (const fault of NAMES) {
      test(`keeps its bounds while that is ${fault}, and comes back`, async () => {
        const store = await stores[kind]();
        const gate = await startGate(settingsOf(kind, store), kind === 'http' ? undefined : { [kind]: store });
        const ask = (key) => timed(() => gate.ask(key));
        const doomed = await issuer.create();
        const old = fault === 'old' ? recording(store) : undefined;
        await until('the gate is open', async () => (await ask(doomed.token)).answer.status === 200);
        store.fault = undefined;
        await issuer.revokeByApi(doomed.id);
        await until('the gate refuses', async () => (await ask(doomed.token)).answer.status === 401);

        store.fault = old ?? (fault === 'foreign' ? foreign : faults[fault]);
        const newest = await fetchBytes(issuer.url, `${WELL_KNOWN}/stamp`);
        const end = nextUpdate(newest.body);
        let last = 0;
        await until('the gate closes', async () => {
          const [{ answer, start, took }, refused] = await Promise.all([ask(good.token), ask(doomed.token)]);
          assert.ok([200, 503].includes(answer.status), `${answer.status}`);
          assert.notEqual(refused.answer.status, 200, 'a revoked key passed');
          // The deadlines are 0.3 s with a list and 3 s without one; the fault is slow for 10 s.
          assert.ok(took < (answer.status === 200 ? 2_500 : 6_000), `waited ${took} ms`);
          if (answer.status === 200) last = start;
          return answer.status === 503;
        });
        assert.ok(last > 0 && last < end, `passed ${last - end} ms past next update`);

        store.fault = undefined;
        await until('the gate opens again', async () => (await ask(good.token)).answer.status === 200);
        assert.equal((await ask(doomed.token)).answer.status, 401);
      });
    }
  });
}

test('a gate with two sources does not mind that one of them fails in any way', async () => {
  const [http, r2] = [await startHttp(), await startR2(join(folder, 'list'))];
  const gate = await startGate(settingsOf('http', http), { r2 });
  for (const fault of Object.keys(faults)) {
    for (const broken of [http, r2]) {
      broken.fault = faults[fault];
      const doomed = await issuer.create();
      await until('it passes', async () => (await gate.ask(doomed.token)).status === 200);
      await issuer.revokeByApi(doomed.id);
      await until('it is refused', async () => (await gate.ask(doomed.token)).status === 401, 10);
      const fine = await gate.ask(good.token);
      assert.equal(fine.status, 200);
      broken.fault = undefined;
    }
  }
});
