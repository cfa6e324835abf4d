// How origins read a request, beside what their server has told: models of frameworks, each with the
// rule that it has. The gate's code has no part in them.

import { folded } from './origins/index.mjs';

const decoded = (text) => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** The values of a field, by its name as CGI folds it. */
export const fieldsOf = (understood, name) =>
  understood.headers.filter(([known]) => folded(known) === name).map(([, value]) => value);

/** The method that handlers run for: Express' middleware has already put it in place. */
export function methodOf(understood) {
  if (understood.kind === 'express') return understood.method;
  const asked = ['X_HTTP_METHOD_OVERRIDE', 'X_HTTP_METHOD', 'X_METHOD_OVERRIDE']
    .flatMap((name) => fieldsOf(understood, name))
    .find(Boolean);
  const inQuery = understood.method === 'POST' && textOf(understood, '_method');
  const wanted = asked ?? inQuery;
  return wanted ? wanted.split(',')[0].trim().toUpperCase() : understood.method;
}

/** A parameter as a text: frameworks take no list or object for a method. */
function textOf(understood, name) {
  if (understood.kind === 'wsgi') return understood.pairs.find(([known]) => known === name)?.[1];
  return phpPairs(understood.query).find(([known, , list]) => known === name && !list)?.[1];
}

/** Case as Java, JavaScript and most file systems fold it: some letters beyond ASCII become ASCII ones. */
const withoutCase = (path) => path.toUpperCase().toLowerCase();
const withoutLastSlash = (path) => (path.length > 1 ? path.replace(/\/+$/, '') || '/' : path);
/** As Windows opens files. */
const withoutBlanksAndDots = (path) => path.replace(/[ .]+(?=\/|$)/g, '');
/** As Rails, Spring (once) and Symfony route. */
const withoutSuffix = (path) => path.replace(/(?<=[^/])\.[^/.]*$/, '');

const chained =
  (...folds) =>
  (path) =>
    folds.reduce((text, fold) => fold(text), path);

/** Each reading folds the path, and the patterns of its routes in the same way but for a suffix, which it leaves to them. */
const FOLDS = {
  'as it is': [(path) => path],
  'without case': [withoutCase],
  'without the last slash': [withoutLastSlash],
  'without blanks and dots': [withoutBlanksAndDots],
  'without a suffix': [withoutSuffix, (pattern) => pattern],
  'without the last slash and then a suffix': [
    chained(withoutLastSlash, withoutSuffix, withoutCase),
    chained(withoutLastSlash, withoutCase),
  ],
  'without all of these': [
    chained(withoutBlanksAndDots, withoutSuffix, withoutLastSlash, withoutCase),
    chained(withoutBlanksAndDots, withoutLastSlash, withoutCase),
  ],
};

/**
 * The ways in which an origin may compare the path: each as a name, the path as it is compared, and the
 * fold of patterns that go with it. An origin that tells everything apart has one.
 */
export function pathsOf(understood, { paths }) {
  const path = understood.kind === 'express' ? decoded(understood.path) : utf8(understood.path);
  const folds = paths === 'exact' ? ['as it is'] : Object.keys(FOLDS);
  return folds.map((name) => {
    const [fold, foldPattern = fold] = FOLDS[name];
    return { name, path: fold(path), foldPattern };
  });
}

/** CGI and WSGI give a character for each byte. */
const utf8 = (text) => Buffer.from(text, 'latin1').toString('utf8');

/** All values of a parameter that some handler of this origin may read under its name. */
export function valuesOf(understood, name) {
  if (understood.kind === 'express') return leavesOf(understood.nested[name]);
  if (understood.kind === 'wsgi') {
    // Rails and Django's helpers read what follows the name in brackets as a list or an object.
    const found = ([known]) => known === name || known.startsWith(`${name}[`);
    return understood.pairs.filter(found).map(([, value]) => value);
  }
  return phpPairs(understood.query)
    .filter(([known]) => known === phpName(name))
    .map(([, value]) => value);
}

function leavesOf(value) {
  if (value === undefined) return [];
  if (typeof value !== 'object' || value === null) return [String(value)];
  return Object.values(value).flatMap(leavesOf);
}

/** Pairs as PHP reads them; those behind a `;` as well, at which Perl's CGI and older Pythons split. */
function phpPairs(query) {
  return query
    .split(/[&;]/)
    .filter(Boolean)
    .map((pair) => {
      const [name, ...value] = pair.split('=');
      const spelled = formDecoded(name);
      return [phpName(spelled), formDecoded(value.join('=')), spelled.includes('[')];
    });
}

const formDecoded = (text) => {
  const bytes = text
    .replaceAll('+', ' ')
    .replace(/%([0-9a-fA-F]{2})/g, (_, digits) => String.fromCharCode(parseInt(digits, 16)));
  return utf8(bytes);
};

/** Blanks before it go, it ends at a NUL, and dots and blanks before the first bracket become `_`. No name begins with one. */
function phpName(name) {
  const text = name.replace(/^ +/, '').split('\0')[0];
  const bracket = text.indexOf('[');
  if (bracket === 0) return '';
  const closed = bracket !== -1 && text.includes(']', bracket);
  const start = closed ? text.slice(0, bracket) : text;
  return start.replace(/[ .[]/g, '_');
}
