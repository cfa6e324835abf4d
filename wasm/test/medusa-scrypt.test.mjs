// The hashes of Medusa's own module: their values, and how many are computed at once.

import assert from 'node:assert/strict';
import { scryptSync } from 'node:crypto';
import test from 'node:test';
import { hashed, Hashes } from '../js/medusa/scrypt.js';
import { settings } from '../js/medusa/options.js';

const text = `sk_${'ab'.repeat(32)}`;
const rowOf = (id, of = text, salt = '00112233445566778899aabbccddeeff') => ({ id, salt, token: scryptSync(of, salt, 64).toString('hex') });

test('a text is the key whose hash it has, with the salt as the text that the table has', async () => {
  const hashes = new Hashes();
  assert.equal(await hashes.matches(text, rowOf('apk_1')), true);
  assert.equal(await hashes.matches(`${text}x`, rowOf('apk_1')), false);
  assert.equal(await hashes.matches(text, { ...rowOf('apk_1'), salt: '00' }), false);
  for (const token of ['', 'ab', 'no hash']) assert.equal(await hashes.matches(text, { ...rowOf('apk_1'), token }), false);
  const made = await hashed(text);
  assert.match(made.salt, /^[0-9a-f]{32}$/);
  assert.deepEqual(made.token, scryptSync(text, made.salt, 64).toString('hex'));
});

/** Hashes that finish when the test lets them. */
function held() {
  const open = [];
  let most = 0;
  const hash = (given) => new Promise((resolve) => {
    open.push(() => resolve(Buffer.from(given.padEnd(64).slice(0, 64))));
    most = Math.max(most, open.length);
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const all = async () => {
    for (let empty = 0; empty < 3; await turn()) {
      if (open.length === 0) empty += 1;
      else open.shift()();
    }
  };
  return { hashes: new Hashes(hash), most: () => most, open, all, turn };
}

test('two are computed at once, 64 wait, and what comes beyond that is not verified', async () => {
  const { hashes, most, all, turn } = held();
  const asked = Array.from({ length: 80 }, (_, at) => hashes.matches(`text ${at}`, rowOf('apk_1')));
  await turn();
  const extra = await hashes.matches('one more', rowOf('apk_1'));
  assert.equal(extra, undefined);
  await all();
  const answers = await Promise.all(asked);
  assert.equal(most(), 2);
  assert.deepEqual([answers.filter((one) => one === false).length, answers.filter((one) => one === undefined).length], [66, 14]);
  // A text that was given up for lack of time is verified at the next attempt.
  const again = hashes.matches('one more', rowOf('apk_1'));
  await all();
  assert.equal(await again, false);
});

test('what was computed is not computed again, until the row has another hash', async () => {
  let computed = 0;
  const hashes = new Hashes(async (given, salt) => {
    computed += 1;
    return scryptSync(given, salt, 64);
  });
  const ask = (row) => Promise.all([hashes.matches(text, row), hashes.matches(text, row)]);
  assert.deepEqual([await ask(rowOf('apk_1')), await ask(rowOf('apk_1')), computed], [[true, true], [true, true], 1]);
  assert.deepEqual([await ask(rowOf('apk_1', 'another')), computed], [[false, false], 2]);
  assert.deepEqual([await ask(rowOf('apk_2')), computed], [[true, true], 3]);
  const failing = new Hashes(async () => {
    throw new Error('no memory');
  });
  for (let at = 0; at < 5; at += 1) await assert.rejects(failing.matches(text, rowOf('apk_1')), /no memory/);
});

test('the end of the fallback is a day or a time that a shop can mean', () => {
  const now = Date.UTC(2026, 5, 1);
  const until = (value) => settings({ url: 'https://keys.example', adminKey: 'x', root: 'x', fallback: { until: value } }, now).fallback.until;
  assert.equal(until('2027-03-31'), Date.UTC(2027, 2, 31));
  assert.equal(until('2026-06-02T12:00:00+02:00'), Date.UTC(2026, 5, 2, 10));
  assert.equal(until(new Date(now - 1)), now - 1);
  assert.equal(until(new Date(now + 700 * 86_400_000)), now + 700 * 86_400_000);
  for (const bad of ['2026-06-31', '2026-13-01', '2026-06-02 12:00', '2026-06-02T12:00', '06/02/2026', '2062-01-01', '2016-06-02', '', new Date(1_780_000_000)]) {
    assert.throws(() => until(bad), /`fallback.until` is when old keys end/, String(bad));
  }
});
