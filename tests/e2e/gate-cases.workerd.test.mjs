// Every case of tests/gate-cases against the gate in real workerd.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { filled, filledIn } from '../gate-cases/fill.mjs';
import { expectedOf, compareAnswers, compareOrigin } from '../gate-cases/compare.mjs';
import { readCases, readGates, readHost, readKeys } from '../gate-cases/read.mjs';
import { makeKeys } from './support/case-keys.mjs';
import { startGate } from './support/gate.mjs';
import { startIssuer } from './support/issuer.mjs';
import { until } from './support/processes.mjs';
import { exchange, startRawOrigin } from './support/raw.mjs';

const host = readHost('workerd');
const gates = readGates();
const cases = readCases();

let issuer, gateKey, known, plainKeys, signingKeys;

before(async () => {
  issuer = await startIssuer();
  gateKey = await issuer.gateKey();
  plainKeys = issuer.gateKeys;
  await issuer.cli(['keyring', 'rotate', '--purpose', 'assertion', '--now']);
  signingKeys = JSON.stringify(await issuer.cli(['keyring', 'export', '--gate']));
  known = { keys: await makeKeys(issuer, readKeys()), texts: { issuer: issuer.issuer } };
  // What the last step of making them did is what the issuer serves before any gate is asked about a case.
  const probe = await startGate(settingsOf({ settings: {} }, 'http://127.0.0.1:9'));
  await until('the issuer serves all that was made', async () => {
    await probe.ask(known.keys['sk-revoked'].token);
    return probe.codes().at(-1) === 'revoked';
  });
  await probe.stop();
});

function settingsOf({ settings, assertions }, origin) {
  const text = (value) => (typeof value === 'string' ? value : JSON.stringify(value));
  const texts = Object.entries(settings).map(([name, value]) => [name, text(value)]);
  return {
    ISSUER_URL: issuer.url,
    ORIGIN_URL: origin,
    ROOT: issuer.root,
    HMAC_KEYS: assertions ? signingKeys : plainKeys,
    GATE_KEY: gateKey,
    ...Object.fromEntries(texts),
  };
}

for (const [name, settings] of Object.entries(gates)) {
  describe(`the gate ${name}`, () => {
    let gate, origin;
    // What the cases so far account for: a request or a refusal beyond that is one that came late.
    let seen = 0;
    let logged = 0;

    before(async () => {
      origin = await startRawOrigin();
      gate = await startGate(settingsOf(settings, `http://${origin.host}`));
      await until('the gate can verify', async () => (await gate.ask(undefined, { path: '/.portcullis/health' })).status === 200);
    });

    after(async () => {
      await gate.stop();
      assert.equal(origin.seen.length, seen, 'the origin saw requests of no case');
      assert.equal(gate.codes().length, logged, 'the log tells of refusals of no case');
    });

    for (const one of cases.filter(({ gate }) => gate === name)) {
      test(`${one.name}: ${one.about}`, async () => {
        const wrong = await runCase(one);
        assert.ok(wrong.length === 0, `${wrong.join('\n')}\nfor ${JSON.stringify(one.request.slice(0, 600))}`);
      });
    }

    async function runCase(one) {
      const late = origin.seen.length - seen;
      seen = origin.seen.length;
      const texts = { ...known.texts, origin: origin.host };
      const expected = filledIn(expectedOf(one, hostFilled(texts)), { ...known, texts });
      origin.answer = one.answer;
      const bytes = Buffer.from(filled(one.request, known), 'latin1');
      const answers = await exchange(gate.value, bytes, expected.answers.length);
      const requests = origin.seen.slice(seen);
      seen = origin.seen.length;
      const wrong = [...compareAnswers(expected.answers, answers), ...compareOrigin(expected.seen, requests, hostFilled(texts))];
      if (late) wrong.unshift(`${late} requests reached the origin after the answer to the case before`);
      return [...wrong, ...(await compareCodes(expected.answers, wrong.length === 0))];
    }

    /** The log tells of a refusal behind its answer. Nothing is waited for if none is expected or the answer was another. */
    async function compareCodes(answers, patient) {
      const codes = answers.filter(({ code }) => code !== undefined).map(({ code }) => [code].flat());
      const enough = () => gate.codes().length >= logged + codes.length;
      if (codes.length > 0 && patient) await until('the log tells of the refusal', enough, 5).catch(() => {});
      const found = gate.codes().slice(logged);
      logged = gate.codes().length;
      const is = (one, code) => (typeof one === 'string' ? one === code : new RegExp(one.match).test(code));
      const fits = (wanted, code) => wanted.some((one) => is(one, code));
      const same = found.length === codes.length && codes.every((wanted, at) => fits(wanted, found[at]));
      const wanted = codes.map((wanted) => wanted.map((one) => JSON.stringify(one)).join(' or ')).join(', ');
      return same ? [] : [`the log has the codes [${found}] instead of [${wanted}]`];
    }
  });
}

function hostFilled(texts) {
  return { ...host, writes: filledIn(host.writes, { keys: {}, texts: { ...texts, length: '{{length}}' } }) };
}
