// The signed assertion that a gate sends its origin, checked as an origin would, without our code.

import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, verify } from 'node:crypto';
import { test } from 'node:test';

import { startGate } from './support/gate.mjs';
import { startOrigin } from './support/http.mjs';
import { makeIssuer, serve } from './support/issuer.mjs';
import { told } from './support/told.mjs';

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
    standing: body[64],
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
  assert.equal(Number(said.list), told(headers).list);
  assert.equal(said.audience, new URL(origin.url).host);
  assert.equal(said.scopes, 'orders:read');
  assert.equal(said.salesChannels, '');
  assert.deepEqual([said.kind, said.environment, said.policy, said.owner], [1, 1, policy.number, 0]);
  assert.equal(said.expiresAt - said.issuedAt, 60);
  assert.ok(Math.abs(said.issuedAt - Date.now() / 1000) < 30);
  // A second request a moment later costs no second signature.
  assert.equal((await ask())['portcullis-assertion'], headers['portcullis-assertion']);
});
