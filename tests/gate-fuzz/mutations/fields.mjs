// Names of header fields in other spellings.

/** Signs that a field's name may hold, and that some origin folds into `-` or `_`. */
const SIGNS = [..."__.!#$%&'*+^`|~"];

/** The words of a text. */
export const words = (text) => text.trim().split(/\s+/);

/** A spelling that folds into the name. */
export function likeIt(random, name) {
  const sign = random.pick(SIGNS);
  return random.weighed([
    [5, name],
    [2, name.toUpperCase()],
    [2, name.replace(/\b[a-z]/g, (letter) => letter.toUpperCase())],
    [3, name.replaceAll('-', sign)],
    [2, name.replace('-', sign)],
  ]);
}

/** A name as it is, in other case, or with another sign for one or all of its hyphens or one more. */
export function spelled(random, name) {
  const sign = random.pick(SIGNS);
  return random.weighed([
    [14, likeIt(random, name)],
    [1, `${name}${sign}`],
    [1, `${sign}${name}`],
  ]);
}

/** Somewhere among the fields, so that neither the first nor the last of two always wins. */
export const put = (random, request, ...field) =>
  request.headers.splice(random.below(request.headers.length + 1), 0, field);
