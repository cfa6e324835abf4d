// A gate's background work in real workerd: Analytics Engine, a queue of
// reports and the gate as its consumer, cron triggers, and what was deployed with it.

import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';

import { startGate } from './support/gate.mjs';
import { startOrigin, startRelay } from './support/http.mjs';
import { portcullis, startIssuer } from './support/issuer.mjs';
import { bound, callScheduled, platform, startAnalytics, startQueue } from './support/platform.mjs';
import { temporaryFolder, until } from './support/processes.mjs';
import { startCache } from './support/stores.mjs';
import { identityOf } from './support/identity-header.mjs';

let issuer, origin, gateKey;
before(async () => {
  [issuer, origin] = await Promise.all([startIssuer(), startOrigin()]);
  const scopes = ['--scope', 'gates:read', '--scope', 'gates:report'];
  gateKey = (await portcullis(issuer.home, ['keys', 'create', '--admin', ...scopes, '--title', 'Gate'])).token;
});

const settings = (changes = {}) => ({
  ISSUER_URL: issuer.url,
  ORIGIN_URL: origin.url,
  ROOT: issuer.root,
  HMAC_KEYS: issuer.gateKeys,
  ...changes,
});
const reporting = (changes) => settings({ GATE_KEY: gateKey, REPORT_USAGE: 'true', ...changes });

/** A key that the gate has let pass so many times. */
async function used(gate, times) {
  const key = await issuer.create();
  await until('the gate knows the key', async () => (await gate.ask(key.token)).status === 200);
  for (let more = 1; more < times; more++) assert.equal((await gate.ask(key.token)).status, 200);
  return key;
}

const shown = (key) => issuer.cli(['keys', 'show', key.id]);

describe('Analytics Engine', () => {
  test('gets a point for each refusal and a count of what passed', async () => {
    const analytics = await startAnalytics();
    const gate = await startGate(settings(), bound(platform, analytics));
    const key = await used(gate, 5);
    const counted = (code) => analytics.points.filter(({ blobs }) => blobs[1] === code);
    assert.equal(counted('accepted').length, 0, 'nothing is written for a request that passes');
    assert.equal((await gate.ask()).status, 401);
    const missing = await until('the refusal is there', () => counted('no_key')[0]);
    assert.equal(missing.index, 'no_key');
    assert.deepEqual(missing.blobs.slice(0, 5), ['refused', 'no_key', '', 'fresh', 'no_key']);
    await issuer.revokeByApi(key.id);
    await until('it is refused', async () => (await gate.ask(key.token)).status === 401);
    const revoked = await until('the refusal is there', () => counted('revoked')[0]);
    assert.equal(revoked.index, key.id);
    assert.deepEqual(revoked.blobs.slice(0, 5), ['refused', 'revoked', key.id, 'fresh', 'invalid_key']);
    assert.equal(revoked.doubles[0], 1);
    assert.ok(revoked.doubles[1] > 1 && revoked.doubles[2] < 60_000, `list and age: ${revoked.doubles}`);
    assert.equal(await callScheduled(gate), 'ok');
    const passed = await until('the passes are there', () => counted('accepted')[0]);
    assert.equal(passed.index, key.id);
    assert.deepEqual(passed.blobs.slice(0, 5), ['passed', 'accepted', key.id, 'fresh', '']);
    assert.ok(passed.doubles[0] >= 5);
    assert.equal((await callScheduled(gate), counted('accepted').length), 1, 'each use is counted once');
    assert.ok(!JSON.stringify(analytics.points).includes(key.token));
  });

  for (const [what, binding] of Object.entries({
    'is no dataset': '(name = "ANALYTICS", text = "no dataset"),',
    throws: '(name = "ANALYTICS", wrapped = (moduleName = "test:dataset", innerBindings = [])),',
  })) {
    test(`changes no answer where what is bound ${what}`, async () => {
      const dataset = "export default () => ({ writeDataPoint() { throw new Error('no more'); } });";
      const gate = await startGate(settings(), {
        bindings: [binding],
        extensions: [`(modules = [(name = "test:dataset", internal = true, esModule = ${JSON.stringify(dataset)})]),`],
      });
      const key = await used(gate, 2);
      for (let time = 0; time < 3; time++) {
        assert.equal((await gate.ask()).status, 401);
        assert.equal((await gate.ask(key.token)).status, 200);
      }
      await gate.says('analytics_failed');
      assert.equal(gate.log.split('analytics_failed').length, 2, 'it is told of once');
    });
  }
});

describe('a queue of reports', () => {
  test('carries uses from one gate to the issuer by way of another', async () => {
    const queue = await startQueue();
    // The one that stands in traffic has no credential at all.
    const gate = await startGate(settings({ REPORT_USAGE: 'true' }), bound(platform, queue));
    const consumer = await startGate(reporting(), bound(platform, queue));
    const key = await used(gate, 4);
    assert.equal(await callScheduled(gate), 'ok');
    await until('the report is in the queue', () => queue.messages.length > 0);
    assert.equal(queue.messages[0].format, 'json');
    assert.ok(!queue.messages[0].text.includes(key.token));
    const reported = JSON.parse(queue.messages[0].text).uses.find((line) => line.key === key.id).uses;
    assert.ok(reported >= 4);
    assert.equal((await shown(key)).uses, 0, 'nothing arrives where nothing consumes');
    const told = await queue.deliver(consumer);
    assert.deepEqual([told.outcome, told.explicitAcks.length, queue.messages.length], ['ok', 1, 0]);
    assert.equal((await shown(key)).uses, reported);
  });

  test('keeps what does not arrive, and lets go of what is no report', async () => {
    const queue = await startQueue();
    const relay = await startRelay(issuer.url);
    let broken = true;
    relay.answer = (path, truth) => (path === '/v1/usage' && broken ? { status: 500 } : truth(path));
    const gate = await startGate(reporting({ ISSUER_URL: relay.url }), bound(platform, queue));
    const key = await issuer.create();
    const report = (uses) => ({ format: 'json', text: JSON.stringify({ uses }), timestamp: Date.now(), attempts: 1 });
    const line = { key: key.id, uses: 3, last_used_at: 1_700_000_000 };
    const batch = [
      { id: 'a', ...report([line]) },
      { id: 'b', ...report([{ ...line, uses: '3' }]) },
      { id: 'c', ...report([{ ...line, key: 'apk_../../../../etc/hosts' }]) },
      { id: 'd', ...report([line]), format: 'text', timestamp: Date.now() - 100_000 },
      { id: 'e', ...report([]), text: 'no JSON', format: 'text' },
    ];
    const failed = await queue.deliver(gate, batch);
    assert.deepEqual(failed.explicitAcks.toSorted(), ['b', 'c', 'e']);
    const delays = Object.fromEntries(failed.retryMessages.map(({ msgId, delaySeconds }) => [msgId, delaySeconds]));
    assert.equal(delays.a, 10);
    assert.ok(delays.d >= 100 && delays.d < 130, `as long as it was on its way: ${delays.d}`);
    assert.equal((await shown(key)).uses, 0);
    await gate.says('message_key');
    broken = false;
    const arrived = await queue.deliver(gate);
    assert.deepEqual(arrived.explicitAcks.toSorted(), ['a', 'd']);
    assert.equal((await shown(key)).uses, 6);
  });

  test('that refuses loses nothing, and delays no request', async () => {
    const queue = await startQueue();
    const gate = await startGate(reporting(), bound(platform, queue));
    queue.refuses = true;
    const key = await used(gate, 3);
    assert.equal(await callScheduled(gate), 'ok');
    await gate.says('usage_failed');
    assert.equal((await gate.ask(key.token)).status, 200);
    queue.refuses = false;
    await until('it is sent again', async () => (await callScheduled(gate), queue.messages.length > 0), 30);
    const { uses } = JSON.parse(queue.messages[0].text);
    assert.ok(uses.find((one) => one.key === key.id).uses >= 4);
  });

  test('comes again as a whole where the settings are wrong', async () => {
    const queue = await startQueue();
    const gate = await startGate(reporting({ ROOT: 'none' }), bound(platform, queue));
    const message = { id: 'a', format: 'json', text: '{"uses":[]}', timestamp: Date.now(), attempts: 1 };
    assert.notEqual((await queue.deliver(gate, [message])).outcome, 'ok');
    assert.equal(queue.messages.length, 1);
    await gate.says('ROOT');
  });
});

describe('a cron trigger', () => {
  test('opens a gate that has seen no request, keeps its floor, and reports what a quiet one holds', async () => {
    const cache = await startCache();
    const gate = await startGate(reporting(), bound(platform, { cache }));
    assert.equal(await callScheduled(gate), 'ok');
    await until('the floor is kept', () => cache.messages.size > 0);
    const [floor] = cache.messages.values();
    const key = await used(gate, 2);
    // Long before the ten seconds are over after which requests would make a report.
    assert.equal(await callScheduled(gate), 'ok');
    assert.ok((await until('the uses reach the record', async () => (await shown(key)).uses)) >= 2);
    // A refresh by a request would leave it as it is: the list is the same.
    await until('the floor is of the newest stamp', async () => {
      await callScheduled(gate);
      const [newer] = cache.messages.values();
      return !newer.equals(floor);
    });
  });
});

describe('what was deployed with a gate', () => {
  test('has the policies, so that a cold gate needs no more than a stamp', async () => {
    const policies = await Promise.all(
      ['orders:read', 'users:read'].map((scope) =>
        issuer.cli(['policies', 'create', '--name', scope, '--scope', scope]),
      ),
    );
    const keys = await Promise.all(policies.map(({ number }) => issuer.create('--policy', String(number))));
    const file = join(await temporaryFolder(), 'bundle.bin');
    const written = await issuer.cli(['bundle', '--for-gate', '--out', file]);
    assert.ok(written.policies.private_files >= 2);
    assert.equal(written.policies.left_out, 0);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    const bundle = await readFile(file);

    const relay = await startRelay(issuer.url);
    const asked = [];
    relay.answer = (path, truth) => {
      asked.push(path);
      return path.endsWith('/stamp') ? truth(path) : { status: 503 };
    };
    // Without the list in it the same source opens nothing.
    const bare = await startGate(settings({ ISSUER_URL: relay.url, GATE_KEY: gateKey }));
    assert.equal((await bare.ask(keys[0].token)).status, 503);
    asked.length = 0;
    const gate = await startGate(settings({ ISSUER_URL: relay.url, GATE_KEY: gateKey }), { bundle });
    for (const [at, { token }] of keys.entries()) {
      const answer = await gate.ask(token);
      assert.equal(answer.status, 200);
      assert.deepEqual(identityOf(answer.json.headers).scopes, [['orders:read', 'users:read'][at]]);
    }
    const other = asked.filter((path) => !/\/(stamp|keyring)$/.test(path));
    assert.deepEqual(other, [], 'no head, no body and no policy was asked for');
  });
});
