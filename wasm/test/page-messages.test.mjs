// The page has a sentence (www/words.js) for each code of the package, and for no other code.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { sayTrouble, sayVerdict, TROUBLES, VERDICTS } from '../../www/words.js';

const TYPES = readFileSync(new URL('../index.d.ts', import.meta.url), 'utf8');
// wasm/tests/generated.rs checks these unions against the codes in Rust.
const union = (name) => {
  const [, members] = new RegExp(`^export type ${name} =\n([^;]*);`, 'm').exec(TYPES);
  return [...members.matchAll(/^\s*\| '(\w+)'/gm)].map(([, code]) => code);
};
// The page verifies without a request, so no policy applies; and it shows no sentence for an empty field.
const OF_REQUESTS = /^(?:policy_|scope_missing$|\w+_denied$|malformed_empty$)/;

test('each refusal of a key has its sentence, and no sentence is for anything else', () => {
  const codes = union('RefusalCode').filter((code) => !OF_REQUESTS.test(code));
  assert.deepEqual(Object.keys(VERDICTS).sort(), codes.sort());
});

test('the sentences about a source are for codes that the package throws; the others have its own', () => {
  const codes = union('ErrorCode');
  assert.deepEqual(Object.keys(TROUBLES).filter((code) => !codes.includes(code)), []);
  assert.equal(sayTrouble({ code: 'keyring_rollback', message: 'keyring version 1 is older' }), 'Keyring version 1 is older.');
  assert.deepEqual(sayVerdict({ ok: false, code: 'no_such_code', message: 'something else' }), ['refused', 'Refused', 'Something else.']);
});
