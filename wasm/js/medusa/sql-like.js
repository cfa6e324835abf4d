// SQL's LIKE with PostgreSQL's rules: `%` matches any characters, `_` matches one, and `\` makes
// the next character literal. It takes at most as many steps as the pattern's length times the
// text's length.

const ANY = Symbol('%');
const ONE = Symbol('_');

// Whether `text` matches `pattern`. Characters of both are compared after `fold`. `step` is called
// at each step, so that tests can count them.
export function like(text, pattern, fold = (character) => character, step = () => {}) {
  const have = Array.from(text, fold);
  const want = readPattern(pattern, fold);
  if (want === undefined) return false;
  let [at, place] = [0, 0];
  // The pattern position after the last `%`, and the text position at which matching it started.
  let [behind, from] = [-1, 0];
  while (at < have.length) {
    step();
    if (want[place] === ANY) {
      place += 1;
      [behind, from] = [place, at];
    } else if (want[place] === ONE || want[place] === have[at]) {
      at += 1;
      place += 1;
    } else if (behind >= 0) {
      // Extend the last `%` by one character. Extending an earlier `%` can't match anything more.
      from += 1;
      [at, place] = [from, behind];
    } else {
      return false;
    }
  }
  while (want[place] === ANY) place += 1;
  return place === want.length;
}

// `undefined` for a pattern that ends with a lone `\`, which PostgreSQL refuses.
function readPattern(pattern, fold) {
  const want = [];
  let isPlain = false;
  for (const character of pattern) {
    if (isPlain || !'%_\\'.includes(character)) want.push(fold(character));
    else if (character !== '\\') want.push(character === '%' ? ANY : ONE);
    isPlain = !isPlain && character === '\\';
  }
  return isPlain ? undefined : want;
}
