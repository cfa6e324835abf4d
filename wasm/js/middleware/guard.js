// The shared base of every middleware: authenticates a request once, and checks requirements on the
// result. It is closed by default: only an admitted request goes on.

import { problemOf } from '../request/problem.js';
import { REQUEST_OPTIONS, KEY_OPTIONS, SCOPES } from '../shared/request-options.js';
import { argument, FUNCTION, KIND, optionsReader } from '../shared/options.js';
import { offered, property } from '../shared/property.js';
import { covers } from '../shared/scope.js';

// Returns a function that authenticates a request with `verifier` and resolves to what
// `authenticate` returns. Options that are functions are called with `context`, the framework's own
// request object. `call` is the middleware's name, for error messages.
export function guard(call, verifier, options) {
  if (typeof offered(verifier, 'authenticate') !== 'function') {
    throw new TypeError(`${call}: the first argument is what createVerifier gives`);
  }
  // Check the options at start-up, not with the first request. A wrapper of a verifier is treated
  // like the verifier.
  const known = offered(verifier, REQUEST_OPTIONS) ?? KEY_OPTIONS;
  const { onRefused, ...read } = optionsReader(call, { ...known, onRefused: FUNCTION })(options);
  // Only what was given is passed on, so that a wrapper's own defaults are not overwritten.
  const given = Object.entries(read).filter(([, value]) => value !== undefined);
  return async (request, context, waitUntil) => {
    const resolve = ([name, value]) => {
      if (typeof value !== 'function') return [name, value];
      return [name, name === 'getKey' ? () => value(context) : (value(context) ?? null)];
    };
    const result = await verifier.authenticate(request, {
      ...Object.fromEntries(given.map(resolve)),
      ...(waitUntil && { waitUntil }),
    });
    if (!result.ok) onRefused?.(result, context);
    return result;
  };
}

// Returns a check of an admitted request: a refusal if one of the scopes is missing, else
// `undefined`.
export function scopeRequirement(scopes) {
  const needed = argument('requireScopes', 'scopes', SCOPES, scopes.flat());
  if (needed.length === 0) throw new TypeError('requireScopes: at least one scope');
  return (admitted) => {
    const all = needed.every((scope) => held(admitted).grant.scopes.some((grant) => covers(grant, scope)));
    return all ? undefined : refusal('scope_missing', 'the policy does not grant a scope that the request needs', needed);
  };
}

// Like scopeRequirement, for the key's kind.
export function kindRequirement(kind) {
  argument('requireKind', 'kind', KIND, kind);
  return (admitted) => {
    const actual = held(admitted).key.kind;
    return actual === kind ? undefined : refusal('wrong_kind', `a ${kind} key is needed here, this one is ${actual}`, []);
  };
}

function held(admitted) {
  if (property(admitted, 'ok') === true) return admitted;
  throw new TypeError('no key was verified for this request: apiKey(verifier) comes first');
}

function refusal(code, message, scopes) {
  return { ok: false, code, message, problem: problemOf({ code, message }, undefined, scopes) };
}

// The host's `waitUntil`, or `undefined` if it has none.
export function waitUntilOf(context) {
  return typeof property(context, 'waitUntil') === 'function' ? (promise) => context.waitUntil(promise) : undefined;
}

// Wraps `handler` so that it runs for admitted requests only. An argument that has a `waitUntil` is
// taken as the host's context.
export function protecting(call, verifier, handler, options) {
  if (typeof handler !== 'function') throw new TypeError(`${call}: the handler is a function`);
  const authenticate = guard(call, verifier, options);
  return async (request, ...rest) => {
    const result = await authenticate(request, request, rest.map(waitUntilOf).find(Boolean));
    return result.ok ? handler(request, result, ...rest) : result.response;
  };
}
