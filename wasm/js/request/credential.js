// Finds the key of a request: `Authorization` (Bearer, or Basic with the key as the user and no
// password), `X-API-Key` or `x-publishable-api-key`. The rules are the gate's.

import { property } from '../shared/property.js';

const KEY = /^(?:(?!(?:[a-z]k|live|test)_)[a-z][a-z0-9]{0,15}_)?([spa]k)_(?:live|test)_[^_]*$/;
const KINDS = { sk: 'secret', pk: 'publishable', ak: 'secret' };
const PROBLEMS = {
  no_key: 'the request carries no API key',
  malformed_authorization: 'the Authorization header is not `Bearer` and one API key',
  empty_key: 'a header that is for the API key is empty',
  two_keys: 'the request carries two different API keys; send one',
};

// Returns `{ token, code: undefined }`, or `{ code, message }` if no key can be read. `kind` is the
// kind that the caller requires.
//
// A request may carry both a secret and a publishable key. The one of the required kind is used, by
// default the secret one. If `Authorization` holds something that doesn't look like a key (a
// shopper's token), it is ignored if there is a key elsewhere, and used as the key otherwise.
export function readCredential(headers, kind) {
  const get = reader(headers);
  const fields = [
    authorization(get('authorization')),
    oneKey(get('x-api-key')),
    oneKey(get('x-publishable-api-key')),
  ];
  const wrong = fields.find((field) => field?.code !== undefined);
  if (wrong !== undefined) return wrong;
  const [first, ...elsewhere] = fields.map((field) => field && { ...field, kind: kindOf(field.token) });
  const isForeign = first !== undefined && first.kind === undefined && elsewhere.some(Boolean);
  const found = [isForeign ? undefined : first, ...elsewhere].filter(Boolean);
  if (found.length === 0) return noKey();
  for (const each of ['secret', 'publishable']) {
    // A text that looks like neither kind conflicts with both.
    const texts = found.filter((one) => one.kind === undefined || one.kind === each).map(({ token }) => token);
    if (texts.some((text) => text !== texts[0])) return problem('two_keys');
  }
  const rank = (one) => (one.kind === undefined || (kind !== undefined && one.kind !== kind) ? 2 : Number(one.kind !== 'secret'));
  return { token: found.reduce((best, one) => (rank(one) < rank(best) ? one : best)).token, code: undefined };
}

export function noKey() {
  return problem('no_key');
}

function problem(code) {
  return { code, message: PROBLEMS[code] };
}

// Returns a function that reads a header by its lower-case name. Takes `Headers`, or an object with
// lower-case names as in Node. A value that is no string counts as missing.
export function reader(headers) {
  const text = (value) => (typeof value === 'string' ? value : undefined);
  const get = property(headers, 'get');
  if (typeof get === 'function') return (name) => text(get.call(headers, name));
  return (name) => {
    const value = Object.hasOwn(headers ?? {}, name) ? headers[name] : undefined;
    const isList = Array.isArray(value) && value.every((one) => typeof one === 'string');
    return isList ? value.join(',') : text(value);
  };
}

// The kind by the prefix; the rest of the text is not checked.
function kindOf(text) {
  return KINDS[KEY.exec(text)?.[1]];
}

// A header that was sent twice arrives as one value with a comma, which no key contains. Equal
// values count as one.
function single(tokens) {
  if (tokens.length === 0) return undefined;
  return tokens.some((token) => token !== tokens[0]) ? problem('two_keys') : { token: tokens[0], code: undefined };
}

function oneKey(value) {
  if (value === undefined) return undefined;
  const keys = value.split(',').map((key) => key.trim());
  return keys.includes('') ? problem('empty_key') : single(keys);
}

function authorization(value) {
  if (value === undefined) return undefined;
  const parts = value.split(',').map((part) => part.trim());
  if (parts.some((part) => /^bearer(?:[ \t]|$)/i.test(part))) {
    const tokens = parts.map((part) => /^bearer[ \t]+(\S+)$/i.exec(part)?.[1]);
    return tokens.includes(undefined) ? problem('malformed_authorization') : single(tokens);
  }
  return single(parts.map(basicKey).filter((key) => key !== undefined));
}

// The user of `Basic` if it is a key and there is no password, or a key in place of the encoded
// pair. Any other user is ignored.
function basicKey(part) {
  const text = /^basic[ \t]+(\S+)$/i.exec(part)?.[1];
  if (text === undefined || kindOf(text) !== undefined) return text;
  let user;
  try {
    user = atob(text);
  } catch {
    return undefined;
  }
  if (user.endsWith(':')) user = user.slice(0, -1);
  return user.includes(':') || kindOf(user) === undefined ? undefined : user;
}
