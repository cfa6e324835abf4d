// LIKE, compared with its definition, and the maximal number of steps.

import assert from 'node:assert/strict';
import test from 'node:test';
import { like } from '../js/medusa/sql-like.js';
import { dice } from './mutations.mjs';

const lower = (character) => character.toLowerCase();

// The definition, without regard to time.
function slowly(text, pattern) {
  if (pattern.length === 0) return text.length === 0;
  const [first, ...rest] = pattern;
  if (first === '%') return slowly(text, rest) || (text.length > 0 && slowly(text.slice(1), pattern));
  if (first === '\\') return rest.length > 0 && text[0] === rest[0] && slowly(text.slice(1), rest.slice(1));
  return text.length > 0 && (first === '_' || first === text[0]) && slowly(text.slice(1), rest);
}

test('what is like what', () => {
  const rows = [
    ['', '', true], ['', '%', true], ['', '_', false], ['a', '', false], ['abc', 'abc', true], ['abc', 'ab', false], ['abc', '%c', true],
    ['abc', 'a%', true], ['abc', '%b%', true], ['abc', 'a_c', true], ['abc', '_c', false], ['a%c', 'a%%c', true], ['mississippi', '%iss%ip%', true],
    ['mississippi', 'm%iss_ip%i', false], ['a.c', 'a.c', true], ['abc', 'a.c', false], ['a\nb', 'a%b', true], ['a\nb', 'a_b', true],
    ['50%', '50\\%', true], ['50x', '50\\%', false], ['a_c', 'a\\_c', true], ['abc', 'a\\_c', false], ['a\\c', 'a\\\\c', true], ['abc', 'a\\bc', true],
    ['a\\', 'a\\', false], ['\u{1f511}', '_', true], ['\u{1f511}', '__', false], ['(a+)+$', '(a+)+$', true], ['aaaa', '(a+)+$', false],
  ];
  for (const [text, pattern, expected] of rows) assert.equal(like(text, pattern), expected, `${text} LIKE ${pattern}`);
  assert.equal(like('Warehouse', 'WARE%'), false);
  assert.equal(like('Warehouse', 'WARE%', lower), true);
});

test('on random texts it says what its definition says', () => {
  const { random } = dice(11);
  const pick = (letters, longest) => Array.from({ length: random(longest) }, () => letters[random(letters.length)]).join('');
  let found = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const [text, pattern] = [pick('ab%\\', 8), pick('ab%%_\\', 7)];
    // A pattern that ends with a lone `\` is invalid.
    const whole = /^(?:[^\\]|\\.)*$/.test(pattern);
    const expected = whole && slowly([...text], [...pattern]);
    assert.equal(like(text, pattern), expected, `${text} LIKE ${pattern}`);
    found += Number(expected);
  }
  assert.ok(found > 1000 && found < 19_000, String(found));
});

test('no pattern takes more steps than its length times the text\'s', () => {
  for (const pattern of [`${'%a'.repeat(200)}%b`, `${'%'.repeat(1000)}b`, `${'%_'.repeat(200)}b`, `%${'a'.repeat(500)}b`, '%a%a%a%a%b']) {
    const text = 'a'.repeat(5000);
    let steps = 0;
    assert.equal(like(text, pattern, undefined, () => { steps += 1; }), false, pattern.slice(0, 20));
    assert.ok(steps > 0 && steps <= (text.length + 1) * (pattern.length + 1), `${steps} steps for ${pattern.slice(0, 20)}`);
  }
});
