// What may be asked of a request: of a key by `authenticate`, of an assertion by its own, and by every
// middleware of either. The values stay as callers write them, so that they can be handed on.

import { ENVIRONMENT, FUNCTION, INSTANT, KIND, listOf, orFunction } from './options.js';
import { isScope } from './scope.js';

export const SCOPES = { what: 'a text like `orders:read`, without wildcards, or a list of them', read: scopesOf };
// What is not known is null.
export const FACT = { what: 'a string, or null', read: (value) => (typeof value === 'string' || value === null ? value : undefined) };

export const OF_AN_ASSERTION = {
  now: INSTANT, kind: KIND, environment: ENVIRONMENT, scopes: SCOPES, salesChannel: orFunction(FACT),
};
export const OF_A_KEY = { ...OF_AN_ASSERTION, address: orFunction(FACT), getKey: FUNCTION };

// Under this name a verifier tells its middleware which of the two it takes: each may be of a bundle of its own.
export const DEMANDS = Symbol.for('portcullis.demands');

// A list is gone through once: what gives its members but once would else ask for nothing the next time.
function scopesOf(value) {
  const list = typeof value === 'string' ? [value] : listOf(value);
  return list?.every(isScope) ? list : undefined;
}
