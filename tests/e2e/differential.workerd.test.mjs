// The gate against origins that read requests each in its own way: random requests go over raw sockets
// through the real gate to real origins, and an oracle holds what the origins understood against the
// settings and the policies.
//
// PORTCULLIS_FUZZ_REQUESTS says how many requests, PORTCULLIS_FUZZ_SEED which: `cargo xtask test` sets them by
// `--fuzz-requests` and `--fuzz-seed`.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { RULES, told } from '../gate-fuzz/oracle.mjs';
import { missingOrigins, startOrigins } from '../gate-fuzz/origins/index.mjs';
import { BUGS, startPlanted } from '../gate-fuzz/planted.mjs';
import { run, summary } from '../gate-fuzz/run.mjs';
import { GATES, makeWorld, settingsOf } from '../gate-fuzz/world.mjs';
import { startGate } from './support/gate.mjs';
import { until } from './support/processes.mjs';

const SEED = Number(process.env.PORTCULLIS_FUZZ_SEED || 20_260_401);
const COUNT = Number(process.env.PORTCULLIS_FUZZ_REQUESTS || 2_000);
/** Fewer that reach an origin would prove nothing: a gate that refuses everything violates no rule. */
const LEAST_SHARE = 0.4;
const SHOWN = 5;

let issuer, keys, origins, gates;

before(async () => {
  const missing = missingOrigins();
  for (const [kind, variable] of missing) {
    assert.ok(!/^(true|1)$/.test(process.env.CI ?? ''), `${variable} is not set: there is no ${kind} origin`);
    console.error(`\n  !!! ${variable} is not set: no request is tried with a ${kind} origin\n`);
  }
  gates = GATES.filter(({ origin }) => !missing.some(([kind]) => kind === origin));
  [{ issuer, keys }, origins] = await Promise.all([makeWorld(), startOrigins(gates)]);
});

/** Starts gates, with settings that `change` may alter behind the oracle's back; gives the port of each. */
async function startAll(which, change = (gate) => gate) {
  const gateKey = await issuer.gateKey();
  const ports = new Map();
  for (const gate of which) {
    const started = await startGate(settingsOf(change(gate), { issuer, gateKey, originUrl: origins.urlOf(gate) }));
    await until(
      'the gate has a list',
      async () => (await started.ask(undefined, { path: '/.portcullis/health' })).status === 200,
    );
    ports.set(gate, Number(new URL(started.url).port));
  }
  return ports;
}

/** A few violations of each rule, and what got no answer. */
function show({ violations, unanswered }) {
  for (const rule of new Set(violations.map(({ rule }) => rule))) {
    const found = violations.filter((violation) => violation.rule === rule);
    console.log(`\n${found.length} violations of "${rule}"; some of them:`);
    const requests = new Set();
    for (const violation of found.filter(
      ({ request }) => requests.size < SHOWN && !requests.has(request) && requests.add(request),
    )) {
      console.log(told(violation, SEED));
    }
  }
  for (const request of unanswered.slice(0, SHOWN)) {
    console.log(
      `no answer: ${request.mutations.join('; ')} ${JSON.stringify(request.bytes.toString('latin1').slice(0, 1000))}`,
    );
  }
}

test('no request gets past the gate that its origin reads in another way', async () => {
  const ports = await startAll(gates);
  console.log(`seed ${SEED}, ${COUNT} requests`);
  const result = await run({ seed: SEED, count: COUNT, gates, keys, portOf: (gate) => ports.get(gate), origins });
  console.log(summary(result));
  show(result);
  assert.equal(result.violations.length, 0);
  assert.ok(result.arrived >= LEAST_SHARE * result.sent, 'too few requests reached an origin: this run proves nothing');
});

const keptUnlessOpen = (route) => (route.open ? route : { ...route, keep_credential: true });
const sharedUnlessOpen = (route) => (route.open ? route : { ...route, shared_cache: true });

describe('the oracle', () => {
  const found = new Set();
  for (const bug of BUGS) {
    test(`finds what a gate does wrong that is ${bug}`, async () => {
      const ports = new Map();
      for (const gate of gates)
        ports.set(gate, await startPlanted(bug, { gate, keys, issuer, originUrl: origins.urlOf(gate) }));
      const result = await run({ seed: 1, count: 1_500, gates, keys, portOf: (gate) => ports.get(gate), origins });
      const rules = new Set(result.violations.map(({ rule }) => rule));
      console.log(`a gate that is ${bug} violates: ${[...rules].join(', ')}\n${summary(result)}`);
      assert.ok(rules.size > 0);
      rules.forEach((rule) => found.add(rule));
    });
  }

  const withRoutes = (gate, change) => ({ ...gate, routes: gate.routes.map(change) });
  for (const [what, name, rules, change] of [
    ['reads paths exactly', 'shop-express', ['key'], (gate) => ({ ...gate, paths: 'exact' })],
    ['takes its proxy for the client', 'shop-express', ['address'], (gate) => ({ ...gate, address: 'peer' })],
    [
      'knows no sales channels',
      'shop-express',
      ['channel'],
      (gate) => withRoutes(gate, ({ sales_channel_parameter, ...route }) => route),
    ],
    ['keeps every key', 'tools-express', ['secret'], (gate) => withRoutes(gate, keptUnlessOpen)],
    ['lets caches share', 'tools-wsgi', ['cache'], (gate) => withRoutes(gate, sharedUnlessOpen)],
    ['asks for no scopes', 'shop-wsgi', ['path'], (gate) => withRoutes(gate, ({ scopes, ...route }) => route)],
  ]) {
    test(`finds that a real gate ${what}`, async (t) => {
      const gate = gates.find((known) => known.name === name);
      if (!gate) return t.skip(`there is no ${name}`);
      const ports = await startAll([gate], change);
      const portOf = () => ports.get(gate);
      const result = await run({ seed: 2, count: 500, gates: [gate], keys, portOf, origins });
      const found = new Set(result.violations.map(({ rule }) => rule));
      console.log(`a real gate that ${what} violates: ${[...found].join(', ')}`);
      for (const rule of rules) assert.ok(found.has(rule), `no violation of "${rule}" was found`);
    });
  }

  test('has no rule that none of these violates', () => {
    assert.deepEqual([...found].sort(), Object.keys(RULES).sort());
  });
});
