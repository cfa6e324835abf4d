// Middleware for hosts whose handler is a function of a `Request`: Workers, Deno.serve, Bun.serve,
// service workers.

import { toResponse } from '../request/problem.js';
import { kindRequirement, protecting, scopeRequirement } from './guard.js';

// `handler(request, admitted, ...rest)` runs for admitted requests only.
export function protect(verifier, handler, options) {
  return protecting('protect', verifier, handler, options);
}

// Returns the response to send if a scope is missing, else `undefined`.
export function requireScopes(...scopes) {
  return requiring(scopeRequirement(scopes));
}

export function requireKind(kind) {
  return requiring(kindRequirement(kind));
}

function requiring(requirement) {
  return (admitted) => {
    const refused = requirement(admitted);
    return refused && toResponse(refused.problem);
  };
}
