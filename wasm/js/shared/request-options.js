// The options that say what a request must satisfy: for a key, for an assertion, and for the
// middleware of either. Values stay as the caller wrote them, so that they can be passed on.

import { ENVIRONMENT, FUNCTION, INSTANT, KIND, listOf, orFunction } from './options.js';
import { isScope } from './scope.js';

export const SCOPES = { what: 'a text like `orders:read`, without wildcards, or a list of them', read: scopesOf };
// null means unknown.
export const FACT = { what: 'a string, or null', read: (value) => (typeof value === 'string' || value === null ? value : undefined) };

export const ASSERTION_OPTIONS = {
  now: INSTANT, kind: KIND, environment: ENVIRONMENT, scopes: SCOPES, salesChannel: orFunction(FACT),
};
export const KEY_OPTIONS = { ...ASSERTION_OPTIONS, address: orFunction(FACT), getKey: FUNCTION };

// The property in which a verifier tells middleware which of the two option tables it takes. A
// registered symbol, because verifier and middleware may be in different bundles.
export const REQUEST_OPTIONS = Symbol.for('portcullis.options');

// Copies the list, because an iterable that yields its members only once would be an empty requirement
// the second time.
function scopesOf(value) {
  const list = typeof value === 'string' ? [value] : listOf(value);
  return list?.every(isScope) ? list : undefined;
}
