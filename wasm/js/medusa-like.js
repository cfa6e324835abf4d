// SQL's LIKE, as PostgreSQL has it: `%` stands for any characters, `_` for one, and `\` takes its meaning
// from the next. No pattern takes more steps than its length times the text's.

const ANY = Symbol('%');
const ONE = Symbol('_');

// Whether `text` is like `pattern`. `fold` is what the characters of both are compared by. `step` is called at
// each step, so that tests can count them.
export function like(text, pattern, fold = (character) => character, step = () => {}) {
  const have = Array.from(text, fold);
  const want = readPattern(pattern, fold);
  if (want === undefined) return false;
  let [at, place] = [0, 0];
  // What is behind the last `%`, and where in the text that was looked for.
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
      // One character more for the last `%`: an earlier one could take none that this can't.
      from += 1;
      [at, place] = [from, behind];
    } else {
      return false;
    }
  }
  while (want[place] === ANY) place += 1;
  return place === want.length;
}

// `undefined` for one that ends with a lone `\`, which PostgreSQL does not take.
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
