// Medusa's filters: which keys of the issuer can meet them at all, and which do.

import { invalid } from './error.js';
import { FIELDS } from './row.js';
import { like } from './sql-like.js';
import { own } from '../shared/property.js';

const IDS_AT_ONCE = 200;
const TOKENS_AT_MOST = 20;
const LONGEST_Q = 255;
const NAMES = new Set([...FIELDS, 'q', '$and', '$or', '$not']);
const DATES = new Set(FIELDS.filter((name) => name.endsWith('_at')));
const PUBLISHABLE = /^(?:[a-z][a-z0-9]{0,15}_)?pk_(?:live|test)_[0-9A-Za-z]{1,200}$/;

// Returns queries to the issuer whose results contain all keys that meet `filters`, and whether
// they contain no others. If so (`exact`), the results need no further filtering.
export function queriesFor(filters) {
  requireReadable(filters);
  // Holds only conditions that the filters contain.
  const wanted = own({});
  let exact = true;
  const take = (conditions) => {
    for (const [name, condition] of Object.entries(conditions)) {
      if (condition === undefined) continue;
      if (name === '$and') {
        for (const part of listed(condition, name)) take(part);
      } else if (!narrow(wanted, name, condition)) {
        exact = false;
      }
    }
  };
  take(filters);
  const { ids, tokens, ...query } = wanted;
  const both = ids !== undefined && tokens !== undefined;
  exact &&= !both && (tokens?.length ?? 0) <= TOKENS_AT_MOST;
  return { queries: split(query, ids, tokens), exact };
}

// Turns ids and selectors into filters.
export function filtersOf(idsOrSelectors) {
  const all = [idsOrSelectors].flat().filter((one) => one !== undefined && one !== null);
  const [ids, selectors] = [[], []];
  for (const one of all) (typeof one === 'object' ? selectors : ids).push(one);
  selectors.forEach(requireCriteria);
  return selectors.length === 0 ? { id: ids } : { $or: [{ id: ids }, ...selectors] };
}

export function requireCriteria(selector) {
  if (Object.values(selector).some((value) => value !== undefined)) return;
  throw invalid(
    'You must provide an api key id field, or what the keys are to be like: nothing never means every key',
  );
}

// Refuses filters that make no sense, even if there are no keys to apply them to.
function requireReadable(filters) {
  for (const [name, condition] of Object.entries(filters)) {
    if (condition === undefined) continue;
    if (name === '$and' || name === '$or') listed(condition, name).forEach(requireReadable);
    else if (name === '$not') requireReadable(condition);
    else if (!NAMES.has(name)) throw invalid(`API keys have no field "${name}" to be looked for by`);
    else if (DATES.has(name)) mustBeDates(name, condition);
    else if (name === 'q' && typeof (condition ?? '') !== 'string') throw invalid('q is a text: the words that are looked for');
  }
}

function mustBeDates(name, condition) {
  if (condition === null || typeof condition === 'boolean') return;
  if (typeof condition === 'object' && !(condition instanceof Date)) {
    for (const one of Object.values(condition)) if (one !== undefined) mustBeDates(name, one);
  } else if (Number.isNaN(new Date(condition).getTime())) {
    throw invalid(`${name} is looked for by dates, and "${condition}" is none`);
  }
}

// Narrows the query to the issuer by `condition`. Returns whether the query then expresses the
// whole condition.
function narrow(wanted, name, condition) {
  if (condition === undefined) return true;
  const values = oneOf(condition);
  if (values === null || values.some((value) => typeof value !== 'string')) {
    return name === 'q' && narrowByText(wanted, condition);
  }
  switch (name) {
    case 'id':
      wanted.ids = shared(wanted.ids, values);
      return true;
    case 'token':
      // Only publishable keys have a text on record, and no other text may be sent in an address.
      wanted.tokens = shared(
        wanted.tokens,
        values.filter((text) => PUBLISHABLE.test(text)),
      );
      return true;
    case 'type':
      if (values.length !== 1 || (wanted.kind !== undefined && wanted.kind !== values[0])) return false;
      if (values[0] !== 'secret' && values[0] !== 'publishable') return false;
      wanted.kind = values[0];
      return true;
    case 'title':
      if (values.length !== 1 || values[0] === '' || wanted.title !== undefined) return false;
      wanted.title = values[0];
      return true;
    default:
      return name === 'q' && narrowByText(wanted, condition);
  }
}

// Searches for the longest word; the other words are then looked for in the results.
function narrowByText(wanted, text) {
  const words = wordsOf(text);
  const longest = words.toSorted((one, other) => other.length - one.length)[0];
  if (longest === undefined) return true;
  // The issuer matches a text that looks like a redacted form only as such, and separators only in
  // titles, so such words aren't sent.
  const plain =
    longest.length <= LONGEST_Q && !longest.includes('***') && /[a-z0-9]/.test(longest) && wanted.q === undefined;
  if (plain) wanted.q = longest;
  return false;
}

const shared = (one, other) =>
  one === undefined ? [...new Set(other)] : one.filter((value) => other.includes(value));

function split(query, ids, tokens) {
  if (ids?.length === 0 || tokens?.length === 0) return [];
  if (tokens !== undefined && tokens.length <= TOKENS_AT_MOST && ids === undefined) {
    return tokens.map((token) => ({ ...query, token }));
  }
  if (ids === undefined) return [tokens === undefined ? query : { ...query, kind: 'publishable' }];
  const queries = [];
  for (let at = 0; at < ids.length; at += IDS_AT_ONCE) {
    queries.push({ ...query, id: ids.slice(at, at + IDS_AT_ONCE) });
  }
  return queries;
}

// The values of a condition that lists them: a value, an array, `$eq` or `$in`.
function oneOf(condition) {
  if (Array.isArray(condition)) return condition;
  if (typeof condition !== 'object' || condition === null || condition instanceof Date) return [condition];
  const names = Object.keys(condition);
  if (names.length !== 1) return null;
  if (names[0] === '$eq') return [condition.$eq];
  return names[0] === '$in' && Array.isArray(condition.$in) ? condition.$in : null;
}

const wordsOf = (text) =>
  (text ?? '')
    .toLowerCase()
    .split(/\s+/)
    .filter(Boolean);

function listed(condition, name) {
  if (Array.isArray(condition)) return condition;
  throw invalid(`Expected array for ${name}`);
}

// Whether a row in Medusa's form meets the filters. As in SQL, null is neither equal to anything
// nor different from it.
export function meets(row, filters) {
  return Object.entries(filters).every(([name, condition]) => {
    if (condition === undefined) return true;
    if (name === '$and') return listed(condition, name).every((part) => meets(row, part));
    // As in Medusa, an empty `$or` matches everything.
    if (name === '$or') return condition.length === 0 || listed(condition, name).some((part) => meets(row, part));
    if (name === '$not') return !meets(row, condition);
    if (name === 'q') return wordsOf(condition).every((word) => found(row, word));
    return fits(row[name], condition);
  });
}

const found = ({ title, redacted }, word) =>
  title.toLowerCase().includes(word) || redacted.toLowerCase().includes(word);

function fits(value, condition) {
  if (Array.isArray(condition)) return condition.some((one) => same(value, one));
  if (typeof condition !== 'object' || condition === null || condition instanceof Date)
    return same(value, condition);
  return Object.entries(condition).every(([operator, argument]) => apply(value, operator, argument));
}

function apply(value, operator, argument) {
  // As in SQL, `$ne` and `$nin` exclude null, and so does each comparison: its result is NaN.
  switch (operator) {
    case '$and':
      return listed(argument, operator).every((one) => fits(value, one));
    case '$or':
      return listed(argument, operator).some((one) => fits(value, one));
    case '$not':
      return !fits(value, argument);
    case '$eq':
      return same(value, argument);
    case '$ne':
      return value !== null && !same(value, argument);
    case '$in':
      return listed(argument, operator).some((one) => same(value, one));
    case '$nin':
      return value !== null && !listed(argument, operator).some((one) => same(value, one));
    case '$gt':
      return compare(value, argument) > 0;
    case '$gte':
      return compare(value, argument) >= 0;
    case '$lt':
      return compare(value, argument) < 0;
    case '$lte':
      return compare(value, argument) <= 0;
    case '$like':
      return areTexts(value, argument) && like(value, argument);
    case '$ilike':
      return areTexts(value, argument) && like(value, argument, (character) => character.toLowerCase());
    case '$exists':
      return (value !== null) === (argument !== false);
    default:
      throw invalid(`API keys can't be filtered by "${operator}"`);
  }
}

const plain = (value) => (value instanceof Date ? value.getTime() : value);

function same(value, other) {
  if (value instanceof Date) return other !== null && value.getTime() === new Date(other).getTime();
  return value === plain(other);
}

// NaN, which is neither above nor below 0, if the two can't be compared.
export function compare(value, other) {
  if (value === null || other === null || other === undefined) return NaN;
  if (value instanceof Date) return value.getTime() - new Date(other).getTime();
  return value < other ? -1 : Number(value > other);
}

function areTexts(...values) {
  return values.every((value) => typeof value === 'string');
}
