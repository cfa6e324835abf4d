// For whatever is a function of a `Request`: Workers, Deno.serve, Bun.serve, service workers.

import { toResponse } from './answer.js';
import { guard, kindDemand, scopeDemand, waitUntilOf } from './guard.js';

// `handler(request, admitted, ...rest)` runs for admitted requests alone.
export function protect(verifier, handler, options) {
  return protecting('protect', verifier, handler, options);
}

// The same for a middleware that calls it otherwise.
export function protecting(call, verifier, handler, options) {
  if (typeof handler !== 'function') throw new TypeError(`${call}: the handler is a function`);
  const judge = guard(call, verifier, options);
  return async (request, ...rest) => {
    const judged = await judge(request, request, rest.map(waitUntilOf).find(Boolean));
    return judged.ok ? handler(request, judged, ...rest) : judged.response;
  };
}

// The answer to give where a scope is missing, `undefined` where none is.
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
