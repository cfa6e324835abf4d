// Two hundred revocations under load: each key is refused within the bound that the gate prints.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startGate } from './support/gate.mjs';
import { startOrigin } from './support/http.mjs';
import { startIssuer } from './support/issuer.mjs';
import { until } from './support/processes.mjs';

const REVOCATIONS = 200;
const LANES = 20;

test('every revoked key is refused within the printed soft bound', async (context) => {
  const [issuer, origin] = await Promise.all([startIssuer(), startOrigin()]);
  const gate = await startGate({
    ISSUER_URL: issuer.url,
    ORIGIN_URL: origin.url,
    ROOT: issuer.root,
    HMAC_KEYS: issuer.gateKeys,
    FRESH_FOR: '1',
    // What it waits for must not be the machine that runs the tests.
    DEADLINE_MS: '2000',
  });
  const make = async () => {
    const { body } = await issuer.api('POST', '/v1/keys', { title: 'doomed' });
    return { id: body.key.id, token: body.token };
  };
  const busy = await make();
  await until('the gate is open', async () => (await gate.ask(busy.token)).status === 200);

  let over = false;
  const load = Array.from({ length: 4 }, async () => {
    while (!over) assert.equal((await gate.ask(busy.token)).status, 200);
  });
  const trials = [];
  const lane = async () => {
    for (let turn = 0; turn < REVOCATIONS / LANES; turn++) {
      const key = await make();
      assert.equal((await gate.ask(key.token)).status, 200);
      const { status } = await issuer.revokeByApi(key.id);
      assert.equal(status, 200);
      const answered = Date.now();
      let lastPassed = answered;
      for (;;) {
        const asked = Date.now();
        const answer = await gate.ask(key.token);
        if (answer.status === 401) break;
        assert.equal(answer.status, 200);
        lastPassed = asked;
        assert.ok(asked - answered < 30_000, 'it goes on passing');
      }
      trials.push({ passed: lastPassed - answered, refused: Date.now() - answered });
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  over = true;
  await Promise.all(load);

  const { bounds } = (await gate.ask(issuer.adminKey, { path: '/.portcullis/status' })).json;
  assert.ok(bounds.soft_ms >= 3_000, `${bounds.soft_ms}`);
  const refused = trials.map((trial) => trial.refused).sort((a, b) => a - b);
  const at = (share) => refused[Math.min(refused.length - 1, Math.floor(refused.length * share))];
  context.diagnostic(
    `revoke answered -> refused, ms: median ${at(0.5)}, p99 ${at(0.99)}, longest ${at(1)}; bound ${bounds.soft_ms}`,
  );
  assert.equal(trials.length, REVOCATIONS);
  const late = trials.filter(({ passed }) => passed > bounds.soft_ms);
  assert.deepEqual(late, [], 'passed after the bound');
});
