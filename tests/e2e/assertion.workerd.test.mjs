// The signed assertion that a gate sends its origin: checked without our code, and by an origin that
// has the npm package.

import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, verify } from 'node:crypto';
import { test } from 'node:test';

import { createAssertionVerifier, httpSource } from 'portcullis/assertion';
import { readCaller } from 'portcullis/caller';

import { startGate } from './support/gate.mjs';
import { fetchBytes, listen, startOrigin } from './support/http.mjs';
import { makeIssuer, serve } from './support/issuer.mjs';
import { until } from './support/processes.mjs';
import { identityOf } from './support/identity-header.mjs';

const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Takes an assertion apart, as docs/assertion.md lays it out. */
function takeApart(text) {
  const file = Buffer.from(text, 'base64url');
  const body = file.subarray(0, -64);
  let at = 65;
  const next = () => {
    const end = at + 2 + body.readUInt16BE(at);
    const text = body.subarray(at + 2, end).toString();
    at = end;
    return text;
  };
  const [audience, scopes, salesChannels] = [next(), next(), next()];
  assert.equal(at, body.length);
  return {
    body,
    signature: file.subarray(-64),
    magic: body.subarray(0, 4).toString('hex'),
    kid: body.readUInt16BE(20),
    list: body.readBigUInt64BE(22),
    issuedAt: body.readUInt32BE(30),
    expiresAt: body.readUInt32BE(34),
    kind: body[38],
    environment: body[39],
    owner: body.readUInt32BE(56),
    policy: body.readUInt32BE(60),
    freshness: body[64],
    audience,
    scopes,
    salesChannels,
  };
}

test('an origin can check who is calling without trusting the network', async () => {
  const [issuer, origin] = await Promise.all([makeIssuer(), startOrigin()]);
  await issuer.cli(['keyring', 'rotate', '--purpose', 'assertion', '--now']);
  const keys = await issuer.cli(['keyring', 'export', '--gate']);
  const server = await serve(issuer);
  const gate = await startGate({
    ISSUER_URL: server.url,
    ORIGIN_URL: origin.url,
    ROOT: issuer.root,
    HMAC_KEYS: JSON.stringify(keys),
    GATE_KEY: await issuer.gateKey(),
  });
  const policy = await issuer.cli(['policies', 'create', '--name', 'Reader', '--scope', 'orders:read']);
  const { token } = await issuer.create('--policy', String(policy.number));
  const ask = async () => {
    const { json } = await gate.ask(token, { headers: { 'portcullis-assertion': 'forged' } });
    return json.headers;
  };
  const headers = await ask();
  const said = takeApart(headers['portcullis-assertion']);
  const seed = Buffer.from(keys.assertion.secret, 'base64url');
  const signer = createPublicKey(
    createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' }),
  );
  const signed = Buffer.concat([Buffer.from('portc1/asrt'), said.body]);
  assert.ok(verify(null, signed, signer, said.signature));
  assert.equal(said.magic, '50434101');
  assert.equal(said.kid, keys.assertion.kid);
  assert.equal(Number(said.list), identityOf(headers).list);
  assert.equal(said.audience, new URL(origin.url).host);
  assert.equal(said.scopes, 'orders:read');
  assert.equal(said.salesChannels, '');
  assert.deepEqual([said.kind, said.environment, said.policy, said.owner], [1, 1, policy.number, 0]);
  assert.equal(said.expiresAt - said.issuedAt, 60);
  assert.ok(Math.abs(said.issuedAt - Date.now() / 1000) < 30);
  // A second request a moment later costs no second signature.
  assert.equal((await ask())['portcullis-assertion'], headers['portcullis-assertion']);
});

/** An origin that answers with what an assertion says, and refuses whoever comes without a good one. */
async function startCarefulOrigin(root, issuerUrl) {
  const state = { codes: [], last: undefined };
  const origin = await listen(async (incoming, outgoing) => {
    state.last = incoming.headers['portcullis-assertion'];
    const verdict = await state.assertions.authenticate(incoming, { scopes: 'orders:read' });
    if (!verdict.ok) state.codes.push(verdict.code);
    const { status, headers, body } = verdict.ok
      ? { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ verdict, caller: readCaller(incoming), headers: incoming.headers }) }
      : verdict.problem;
    outgoing.writeHead(status, headers).end(body);
  });
  state.audience = new URL(origin.url).host;
  state.assertions = createAssertionVerifier({ root, audience: state.audience, source: httpSource(issuerUrl), freshFor: 1_000 });
  return Object.assign(state, origin);
}

test('an origin that has the package takes identity from the assertion alone', async () => {
  const issuer = await makeIssuer();
  await issuer.cli(['keyring', 'rotate', '--purpose', 'assertion', '--now']);
  const server = await serve(issuer);
  const origin = await startCarefulOrigin(issuer.root, server.url);
  const exported = () => issuer.cli(['keyring', 'export', '--gate']);
  const gateKey = await issuer.gateKey();
  const gateWith = (keys) =>
    startGate({ ISSUER_URL: server.url, ORIGIN_URL: origin.url, ROOT: issuer.root, HMAC_KEYS: JSON.stringify(keys), GATE_KEY: gateKey });
  const before = await exported();
  const gate = await gateWith(before);
  const policy = await issuer.cli(['policies', 'create', '--name', 'Reader', '--scope', 'orders:*', '--sales-channel', 'sc_1']);
  const owner = await issuer.cli(['owners', 'create', '--name', 'Tenant']);
  const reader = await issuer.create('--policy', String(policy.number), '--owner', String(owner.number));
  const bare = await issuer.create();

  const { status, json } = await gate.ask(reader.token, { headers: { 'portcullis-assertion': 'forged', portcullis: 'owner=9' } });
  assert.equal(status, 200);
  const { verdict, caller, headers } = json;
  const issued = { key: verdict.key, grant: verdict.grant, audience: verdict.audience };
  assert.deepEqual(issued, {
    key: { name: identityOf(headers).key, issuer: issuer.issuer, kind: 'secret', environment: 'live', owner: owner.number, policy: policy.number },
    grant: { scopes: ['orders:*'], salesChannels: ['sc_1'] },
    audience: origin.audience,
  });
  assert.deepEqual(verdict.list, { number: identityOf(headers).list, freshness: 'fresh' });
  assert.deepEqual(caller, { key: verdict.key, grant: verdict.grant, list: verdict.list }, 'unsigned it says the same');
  assert.equal(verdict.expiresAt - verdict.issuedAt, 60_000);
  const kept = origin.last;

  // A key that the gate lets through, and whose policy this origin wants more of.
  assert.equal((await gate.ask(bare.token)).status, 403);
  assert.equal(origin.codes.at(-1), 'scope_missing');

  // Around the gate, with the headers that it writes and whatever else can be made up.
  const around = async (assertion) => {
    const made = { ...headers, 'portcullis-assertion': assertion };
    if (assertion === undefined) delete made['portcullis-assertion'];
    const answer = await fetchBytes(origin.url, '/', { headers: made });
    return answer.status === 200 ? 'ok' : `${answer.status} ${origin.codes.at(-1)}`;
  };
  assert.equal(await around(undefined), '403 assertion_missing');
  const altered = Buffer.from(kept, 'base64url');
  altered[56 + 3] = 9; // the owner
  assert.equal(await around(altered.toString('base64url')), '403 assertion_bad_signature');
  assert.equal(await around(kept), 'ok', 'for its minute it can be sent again: the doc says so');
  const elsewhere = createAssertionVerifier({ root: issuer.root, audience: 'elsewhere.example', source: httpSource(server.url) });
  assert.equal((await elsewhere.verify(kept)).code, 'assertion_wrong_audience');

  // A gate with a new signer is believed at once, and what the retired one signed is soon refused.
  await issuer.cli(['keyring', 'rotate', '--purpose', 'assertion', '--now']);
  const after = await exported();
  assert.notEqual(after.assertion.kid, before.assertion.kid);
  const next = await gateWith(after);
  assert.equal((await next.ask(reader.token)).status, 200);
  assert.equal(await around(kept), 'ok', 'its signer is retiring, and not retired');
  await issuer.cli(['keyring', 'retire', String(before.assertion.kid), '--yes']);
  await until('the origin refuses the retired signer', async () => (await around(kept)) === '403 assertion_signer_not_allowed', 30);
  assert.equal((await next.ask(reader.token)).status, 200);

  // The issuer is gone: the keyring that is held goes on.
  await server.stop();
  assert.equal(await around(origin.last), 'ok');
});
