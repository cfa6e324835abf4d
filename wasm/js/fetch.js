// For whatever is a function of a `Request`: Workers, Deno.serve, Bun.serve, service workers.

import { guard, kindDemand, scopeDemand, toResponse } from './guard.js';

// `handler(request, admitted, ...rest)` runs for admitted requests alone.
export function protect(verifier, handler, options) {
  if (typeof handler !== 'function') throw new TypeError('protect: the handler is a function');
  const { onRefused, ...asked } = options ?? {};
  const judge = guard(verifier, asked);
  return async (request, ...rest) => {
    const context = rest.find((value) => typeof value?.waitUntil === 'function');
    const more = context === undefined ? {} : { waitUntil: (promise) => context.waitUntil(promise) };
    const judged = await judge(request, more);
    if (judged.ok) return handler(request, judged, ...rest);
    onRefused?.(judged, request);
    return judged.response;
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
