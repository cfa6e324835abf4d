// Hostile input for an engine, in any runtime.

const bytes = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

// Returns the outcome for each input: a code, or the name of the thrown error.
export function hostile({ createVerifier }, { root, now, tokens, lists }) {
  const verifier = createVerifier({ root, bundle: bytes(lists.first.bundle), now });
  const good = tokens.publishable;
  const called = () => {
    throw new Error('what was sent is called');
  };
  const rows = {
    'a letter whose low byte is the right one': good.replace('p', '\u{170}'),
    'U+0141 for A': good.replace(/[^_]$/, '\u{141}'),
    'a letter behind': `${good}\u{141}`,
    'a lone surrogate': `${good.slice(0, -1)}\ud800`,
    'a lone surrogate behind': `${good}\udc00`,
    'a pair of surrogates': '\u{1f511}'.repeat(33),
    'a zero': `${good.slice(0, -1)}\0`,
    'nothing': '',
    'a blank behind': `${good} `,
    '10 MB': 'x'.repeat(10_000_000),
    '10 MB of two bytes each': '\u{1000}'.repeat(5_000_000),
    'null': null,
    'undefined': undefined,
    'a number': 7,
    'NaN': NaN,
    'a bigint': 7n,
    'a symbol': Symbol(good),
    'a list': [good],
    'a text in a box': new String(good),
    'a hostile toString': { toString: called, valueOf: called, [Symbol.toPrimitive]: called, get length() { return called(); } },
    'a proxy': new Proxy({}, { get: called, has: called, getPrototypeOf: called }),
    'a function': called,
  };
  const outcome = (token) => {
    try {
      const { ok, code } = verifier.verify(token, { now });
      return ok ? 'accepted' : code;
    } catch (error) {
      return error instanceof TypeError ? 'TypeError' : String(error);
    }
  };
  const outcomes = Object.fromEntries(Object.entries(rows).map(([name, token]) => [name, outcome(token)]));
  return { ...outcomes, 'a good key, after all that': outcome(good) };
}

export const EXPECTED = {
  'a letter whose low byte is the right one': 'malformed_character',
  'U+0141 for A': 'malformed_character',
  'a letter behind': 'malformed_character',
  'a lone surrogate': 'malformed_character',
  'a lone surrogate behind': 'malformed_character',
  'a pair of surrogates': 'malformed_character',
  'a zero': 'malformed_character',
  'nothing': 'malformed_empty',
  'a blank behind': 'malformed_character',
  '10 MB': 'malformed_too_long',
  '10 MB of two bytes each': 'malformed_too_long',
  'null': 'TypeError',
  'undefined': 'TypeError',
  'a number': 'TypeError',
  'NaN': 'TypeError',
  'a bigint': 'TypeError',
  'a symbol': 'TypeError',
  'a list': 'TypeError',
  'a text in a box': 'TypeError',
  'a hostile toString': 'TypeError',
  'a proxy': 'TypeError',
  'a function': 'TypeError',
  'a good key, after all that': 'accepted',
};
