// The gate when its issuer is slow, stopped, or serves an older list.

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { before, describe, test } from 'node:test';

import { startGate } from './support/gate.mjs';
import { recording, startOrigin, startRelay } from './support/http.mjs';
import { makeIssuer, serve, startIssuer } from './support/issuer.mjs';
import { until } from './support/processes.mjs';
import { identityOf } from './support/identity-header.mjs';

const WELL_KNOWN = '/.well-known/portcullis';
let origin;
before(async () => (origin = await startOrigin()));

/** A gate whose issuer is reached through a relay. */
async function relayedGate(issuer, url) {
  const relay = await startRelay(url);
  const gate = await startGate({
    ISSUER_URL: relay.url,
    ORIGIN_URL: origin.url,
    ROOT: issuer.root,
    HMAC_KEYS: issuer.gateKeys,
  });
  return { relay, gate };
}

const listNumber = (answer) => identityOf(answer.json?.headers ?? {})?.list;

test('a timed revocation strikes at its second, with the issuer out of reach', async () => {
  const issuer = await startIssuer();
  const { relay, gate } = await relayedGate(issuer, issuer.url);
  const key = await issuer.create();
  const before = listNumber(await gate.ask(key.token));
  const revoked = await issuer.revoke(key.id, '--in', '6s');
  const at = Date.parse(revoked.revoked_at);
  const other = await issuer.create();
  await until('the gate holds the list', async () => listNumber(await gate.ask(other.token)) > before);
  relay.answer = relay.down;
  assert.equal((await gate.ask(key.token)).status, 200);
  assert.ok(Date.now() < at, 'the test came too late to see the key pass');
  const struck = await until('the revocation strikes', async () => {
    const asked = Date.now();
    return (await gate.ask(key.token)).status === 401 && { asked };
  });
  assert.ok(Date.now() >= at, 'it struck before its second');
  assert.ok(struck.asked - at < 5_000);
  await gate.refusedFor('revoked');
  assert.equal((await gate.ask(other.token)).status, 200);
});

test('a stopped issuer: accepted until the next update, then 503, then open again', async () => {
  const issuer = await makeIssuer();
  let server = await serve(issuer, { validFor: '5s' });
  const { relay, gate } = await relayedGate(issuer, server.url);
  const { token } = await issuer.create();
  assert.equal((await gate.ask(token)).status, 200);
  await server.stop();
  const stale = await until('the list is stale', async () => {
    const answer = await gate.ask(token);
    assert.equal(answer.status, 200);
    return identityOf(answer.json.headers).freshness === 'stale' && answer;
  });
  assert.equal(stale.status, 200);
  const closed = await until('the gate closes', async () => {
    const answer = await gate.ask(token);
    return answer.status === 503 && answer;
  });
  assert.match(closed.headers['retry-after'], /^\d+$/);
  assert.match(closed.headers['content-type'], /^application\/problem\+json/);
  await gate.refusedFor('list_past_next_update');
  // Closed means closed: not even a key that is nonsense learns anything else.
  assert.equal((await gate.ask('nonsense')).status, 401);
  server = await serve(issuer, { validFor: '5s' });
  relay.upstream = server.url;
  await until('the gate opens again', async () => (await gate.ask(token)).status === 200);
});

test('who waits is answered, though the request that fetches for it has gone', async () => {
  const issuer = await startIssuer();
  const { relay, gate } = await relayedGate(issuer, issuer.url);
  const { token } = await issuer.create();
  let release;
  const held = new Promise((resolve) => (release = resolve));
  relay.answer = async (path, truth) => {
    await held;
    return truth(path);
  };
  const leader = request(gate.url, { headers: { authorization: `Bearer ${token}` } });
  leader.on('error', () => {}).end();
  await until('the gate fetches', async () => relay.requests.length > 0);
  leader.destroy();
  const waiters = Promise.all(Array.from({ length: 5 }, () => gate.ask(token)));
  // Time for the hang-up, and for the waiters, to arrive.
  assert.equal((await gate.ask()).status, 401);
  release();
  assert.deepEqual((await waiters).map(({ status }) => status), [200, 200, 200, 200, 200]);
  // Nobody had to begin anew.
  assert.equal(relay.requests.filter((path) => path.endsWith('/keyring')).length, 1);
});

test('an older list is not adopted', async () => {
  const issuer = await startIssuer();
  const { relay, gate } = await relayedGate(issuer, issuer.url);
  const key = await issuer.create();
  const old = await recording(issuer.url);
  assert.equal((await gate.ask(key.token)).status, 200);
  await issuer.revoke(key.id);
  await until('the gate refuses', async () => (await gate.ask(key.token)).status === 401);
  relay.answer = old;
  const seen = relay.requests.length;
  // Long enough for the gate to have asked again, more than once, and been lied to.
  await until('the gate was offered the old list', async () => {
    assert.equal((await gate.ask(key.token)).status, 401);
    return relay.requests.slice(seen).filter((path) => path === `${WELL_KNOWN}/stamp`).length >= 2;
  });
  await gate.refusedFor('revoked');
  await gate.says('list_rollback');
});

describe('a gate that holds a list', () => {
  let issuer, relay, gate, key;
  before(async () => {
    issuer = await startIssuer();
    ({ relay, gate } = await relayedGate(issuer, issuer.url));
    key = await issuer.create();
    assert.equal((await gate.ask(key.token)).status, 200);
  });

  const change = (file, how) => async (path, truth) => {
    const answer = await truth(path);
    return path.startsWith(`${WELL_KNOWN}/${file}`) ? { ...answer, body: how(answer.body) } : answer;
  };
  const flip = (at) => (body) => {
    const flipped = Buffer.from(body);
    flipped[at < 0 ? body.length + at : at] ^= 1;
    return flipped;
  };
  for (const [lie, file, how] of [
    ['a truncated stamp', 'stamp', (body) => body.subarray(0, -1)],
    ['a stamp with a byte more', 'stamp', (body) => Buffer.concat([body, Buffer.from([0])])],
    ['a stamp with a bit flipped', 'stamp', flip(40)],
    ['a stamp whose signature has a bit flipped', 'stamp', flip(-1)],
    ['an empty stamp', 'stamp', () => Buffer.alloc(0)],
    ['an endless stamp', 'stamp', () => Buffer.alloc(8 << 20)],
    ['a truncated head', 'heads/', (body) => body.subarray(0, -1)],
    ['a head with a bit flipped', 'heads/', flip(150)],
    ['a truncated body', 'bodies/', (body) => body.subarray(0, -1)],
    ['a body with a bit flipped', 'bodies/', flip(12)],
  ]) {
    test(`goes on with it when offered ${lie}, and comes back to the truth`, async () => {
      relay.answer = change(file, how);
      const doomed = await issuer.create();
      await issuer.revoke(doomed.id);
      const seen = relay.requests.length;
      await until('the lie was told', async () => {
        assert.equal((await gate.ask(key.token)).status, 200);
        return relay.requests.slice(seen).some((path) => path.startsWith(`${WELL_KNOWN}/${file}`));
      });
      assert.equal((await gate.ask(key.token)).status, 200);
      relay.answer = relay.honest;
      await until('the truth arrives', async () => (await gate.ask(doomed.token)).status === 401);
    });
  }

  test('is not misled by the list of another issuer', async () => {
    const other = await startIssuer();
    relay.answer = (path, truth) =>
      path.endsWith('/keyring') ? truth(path) : recordingOf(other.url)(path);
    const seen = relay.requests.length;
    await until('the lie was told', async () => {
      assert.equal((await gate.ask(key.token)).status, 200);
      return relay.requests.slice(seen).some((path) => path.endsWith('/stamp'));
    });
    relay.answer = relay.honest;
    assert.equal((await gate.ask(key.token)).status, 200);
  });
});

const recordingOf = (url) => async (path) => {
  const response = await fetch(url + path);
  return { status: response.status, body: Buffer.from(await response.arrayBuffer()) };
};

describe('a gate that holds nothing yet', () => {
  test('is closed while its issuer is gone, and opens when it comes', async () => {
    const issuer = await startIssuer();
    const relay = await startRelay(issuer.url);
    relay.answer = relay.down;
    const gate = await startGate({
      ISSUER_URL: relay.url,
      ORIGIN_URL: origin.url,
      ROOT: issuer.root,
      HMAC_KEYS: issuer.gateKeys,
    });
    const { token } = await issuer.create();
    const answer = await gate.ask(token);
    assert.equal(answer.status, 503);
    assert.match(answer.headers['retry-after'], /^\d+$/);
    relay.answer = relay.honest;
    await until('the gate opens', async () => (await gate.ask(token)).status === 200);
  });

  test('stays closed under a keyring that the pinned root did not sign', async () => {
    const [issuer, other] = await Promise.all([startIssuer(), startIssuer()]);
    const gate = await startGate({
      ISSUER_URL: issuer.url,
      ORIGIN_URL: origin.url,
      ROOT: other.root,
      HMAC_KEYS: issuer.gateKeys,
    });
    const { token } = await issuer.create();
    assert.equal((await gate.ask(token)).status, 503);
    await gate.says('keyring_not_signed_by_root');
  });

  test('without HMAC secrets refuses secret keys and takes publishable ones', async () => {
    const issuer = await startIssuer();
    const gate = await startGate({
      ISSUER_URL: issuer.url,
      ORIGIN_URL: origin.url,
      ROOT: issuer.root,
      KIND: 'publishable',
    });
    const publishable = await issuer.create('--kind', 'publishable');
    assert.equal((await gate.ask(publishable.token)).status, 200);
    const secret = await issuer.create();
    assert.equal((await gate.ask(secret.token)).status, 401);
    await gate.refusedFor('secret_not_held');
  });

  test('with a setting that makes no sense is closed and names the setting', async () => {
    const issuer = await startIssuer();
    const gate = await startGate({
      ISSUER_URL: issuer.url,
      ORIGIN_URL: origin.url,
      ROOT: 'not a key',
      HMAC_KEYS: issuer.gateKeys,
    });
    const { token } = await issuer.create();
    const answer = await gate.ask(token);
    assert.equal(answer.status, 503);
    assert.ok(!answer.text.includes('ROOT'));
    await gate.says('ROOT');
  });
});
