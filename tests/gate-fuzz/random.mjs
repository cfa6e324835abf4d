// Random choices that a seed decides, so that a run can be had again.

/** A generator for one request: what came before it has no part in it. */
export function randomOf(seed, number) {
  // A small mixing function (the one known as mulberry32), which need not be hard to guess.
  let state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b)) >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  next();
  const below = (count) => Math.floor(next() * count);
  return {
    below,
    chance: (probability) => next() < probability,
    pick: (list) => list[below(list.length)],
    /** One of `[weight, choice]`. */
    weighed(choices) {
      let at = next() * choices.reduce((sum, [weight]) => sum + weight, 0);
      return choices.find(([weight]) => (at -= weight) < 0)?.[1] ?? choices.at(-1)[1];
    },
  };
}
