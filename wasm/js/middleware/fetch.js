// Middleware for hosts whose handler is a function of a `Request`: Workers, Deno.serve, Bun.serve,
// service workers.

import { toResponse } from '../request/problem.js';
import { kindDemand, protecting, scopeDemand } from './guard.js';

// `handler(request, admitted, ...rest)` runs for admitted requests only.
export function protect(verifier, handler, options) {
  return protecting('protect', verifier, handler, options);
}

// Returns the response to send if a scope is missing, else `undefined`.
export function requireScopes(...scopes) {
  return answering(scopeDemand(scopes));
}

export function requireKind(kind) {
  return answering(kindDemand(kind));
}

function answering(demand) {
  return (admitted) => {
    const refused = demand(admitted);
    return refused && toResponse(refused.problem);
  };
}
