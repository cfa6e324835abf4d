// A canary at a real gate: the answer of a forgery, and the alarm at the issuer.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startGate } from './support/gate.mjs';
import { startOrigin } from './support/http.mjs';
import { portcullis, startIssuer } from './support/issuer.mjs';
import { until } from './support/processes.mjs';
import { withByteChanged } from './support/token.mjs';

test('a canary is a forgery to the client, and an alarm in the log and in the trail', async () => {
  const [issuer, origin] = await Promise.all([startIssuer(), startOrigin()]);
  const made = await portcullis(issuer.home, ['keys', 'create', '--admin', '--scope', 'gates:report', '--title', 'Gate']);
  const gate = await startGate({
    ISSUER_URL: issuer.url,
    ORIGIN_URL: origin.url,
    ROOT: issuer.root,
    HMAC_KEYS: issuer.gateKeys,
    GATE_KEY: made.token,
    REPORT_USAGE: 'true',
    CLIENT_ADDRESS: 'cloudflare',
  });
  const [key, canary] = [await issuer.create(), await issuer.create('--canary')];
  assert.equal((await gate.ask(key.token)).status, 200);
  // The last byte of the tag.
  const forged = withByteChanged(key.token, 43);
  const answers = [];
  for (const token of [canary.token, forged]) {
    const answer = await gate.ask(token, { headers: { 'cf-connecting-ip': '192.0.2.7' } });
    const { date, ...fields } = answer.headers;
    answers.push({ status: answer.status, fields, text: answer.text });
  }
  assert.equal(answers[0].status, 401);
  assert.deepEqual(answers[0], answers[1]);

  await gate.says('"event":"canary"');
  assert.ok(!gate.log.includes(canary.token));
  const events = await until('the issuer is told', async () => {
    const { body } = await issuer.api('GET', '/v1/events?type=canary.used');
    return body.events.length > 0 && body.events;
  });
  assert.equal(events.length, 1);
  assert.equal(events[0].key_id, canary.id);
  assert.equal(events[0].data.address, '192.0.2.7');
  const shown = await issuer.cli(['keys', 'show', canary.id]);
  assert.deepEqual([shown.purpose, shown.uses], ['canary', 1]);
});
