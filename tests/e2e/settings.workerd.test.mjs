// Settings that reach the gate as objects, in real workerd: which of their fields count.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { startGate } from './support/gate.mjs';
import { startOrigin } from './support/http.mjs';
import { startIssuer } from './support/issuer.mjs';

let issuer, origin;
before(async () => ([issuer, origin] = await Promise.all([startIssuer(), startOrigin()])));

const settings = () => ({
  ISSUER_URL: issuer.url,
  ORIGIN_URL: origin.url,
  ROOT: issuer.root,
  HMAC_KEYS: issuer.gateKeys,
});

/** The built module with these variables besides its own, as `[vars]` of wrangler.toml gives them. */
const withVariables = (variables, first = '') => `
import Real, { FastPath } from './real.js';
export { FastPath };
${first}
export default class Gate {
  constructor(ctx, { DEBUG, ...env }) {
    this.real = new Real(ctx, { ...env, ...${JSON.stringify(variables)} });
  }
  fetch(request) {
    return this.real.fetch(request);
  }
};`;

test('lists, numbers and flags count as their JSON', async () => {
  const ROUTES = [{ path: '/pub/**', open: true }, { path: '/**' }];
  const gate = await startGate(settings(), { around: withVariables({ ROUTES, FRESH_FOR: 2.5, DEBUG: true }) });
  assert.equal((await gate.ask(undefined, { path: '/pub/a' })).status, 200);
  const refused = await gate.ask(undefined, { path: '/a' });
  assert.equal(refused.status, 401);
  assert.match(refused.headers['portcullis-debug'], /^code=no_key/);
  const { bounds } = (await gate.ask(issuer.adminKey, { path: '/.portcullis/status' })).json;
  assert.equal(bounds.fresh_for_ms, 2500);
});

test('a field that is misspelt is named, and the gate lets nothing pass', async () => {
  const gate = await startGate(settings(), { around: withVariables({ ROUTES: [{ path: '/**', opn: true }] }) });
  assert.equal((await gate.ask(undefined)).status, 503);
  await gate.says('"field":"ROUTES[0].opn"');
});

test('a property of a prototype is no setting and no field of one', async () => {
  const polluted = `
    Object.prototype.open = true;
    Object.prototype.DEBUG = 'true';
    Object.prototype.LIST_KV = { get: async () => null };`;
  const gate = await startGate(settings(), { around: withVariables({ ROUTES: [{ path: '/**' }] }, polluted) });
  const refused = await gate.ask(undefined);
  assert.equal(refused.status, 401, 'the route is open');
  assert.equal(refused.headers['portcullis-debug'], undefined);
  const { sources } = (await gate.ask(issuer.adminKey, { path: '/.portcullis/status' })).json;
  assert.equal(sources.length, 1);
  const key = await issuer.create();
  assert.equal((await gate.ask(key.token)).status, 200);
});
