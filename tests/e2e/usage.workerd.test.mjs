// A gate's reports of uses, and the issuer's records of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startGate } from './support/gate.mjs';
import { startOrigin, startRelay } from './support/http.mjs';
import { portcullis, startIssuer } from './support/issuer.mjs';
import { until } from './support/processes.mjs';

test('uses reach the record, with a credential that does nothing else, and survive an outage', async () => {
  const [issuer, origin] = await Promise.all([startIssuer(), startOrigin()]);
  const scopes = ['--scope', 'gates:read', '--scope', 'gates:report'];
  const made = await portcullis(issuer.home, ['keys', 'create', '--admin', ...scopes, '--title', 'Gate']);
  const relay = await startRelay(issuer.url);
  let reports = 0;
  let broken = true;
  relay.answer = (path, truth) => {
    if (path !== '/v1/usage') return truth(path);
    reports++;
    return broken ? { status: 500 } : truth(path);
  };
  const gate = await startGate({
    ISSUER_URL: relay.url,
    ORIGIN_URL: origin.url,
    ROOT: issuer.root,
    HMAC_KEYS: issuer.gateKeys,
    GATE_KEY: made.token,
    REPORT_USAGE: 'true',
  });
  const key = await issuer.create();
  const unused = await issuer.create();
  let passed = 0;
  const use = async () => {
    const { status } = await gate.ask(key.token);
    assert.equal(status, 200);
    passed++;
  };
  await until('a report fails', async () => (await use(), reports > 0));
  await gate.says('usage_failed');
  broken = false;
  const record = await until(
    'the uses reach the record',
    async () => {
      await use();
      const shown = await issuer.cli(['keys', 'show', key.id]);
      return shown.uses > 0 && shown;
    },
    60,
  );
  assert.ok(record.uses <= passed, `${record.uses} uses of ${passed}`);
  assert.ok(Math.abs(Date.parse(record.last_used_at) - Date.now()) < 60_000);
  const untouched = await issuer.cli(['keys', 'show', unused.id]);
  assert.deepEqual([untouched.uses, untouched.last_used_at], [0, null]);

  const asGate = (method, path, body) =>
    fetch(issuer.url + path, {
      method,
      headers: { authorization: `Bearer ${made.token}`, 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
    });
  const uses = [{ key: 'apk_0000000000000000000000', uses: 1, last_used_at: 4_000_000_000 }];
  assert.deepEqual(await (await asGate('POST', '/v1/usage', { uses })).json(), { known: 0 });
  assert.equal((await asGate('GET', '/v1/keys')).status, 403);
  assert.equal((await asGate('POST', '/v1/keys', { title: 'x' })).status, 403);
  const reader = await issuer.gateKey();
  const refused = await fetch(`${issuer.url}/v1/usage`, {
    method: 'POST',
    headers: { authorization: `Bearer ${reader}`, 'content-type': 'application/json' },
    body: JSON.stringify({ uses }),
  });
  assert.equal(refused.status, 403);
});
