// Next.js, on the edge and in Node: route handlers, and the middleware (`proxy`) before them.

import { guard, protecting, waitUntilOf } from './guard.js';
import { own } from './property.js';

export { requireKind, requireScopes } from './fetch.js';

// A route handler: `handler(request, admitted, context)`.
export function withApiKey(verifier, handler, options) {
  return protecting('withApiKey', verifier, handler, options);
}

// `middleware.ts` or `proxy.ts`: answers what is refused and lets the rest go on.
export function apiKey(verifier, options) {
  const judge = guard('apiKey', verifier, options);
  return async (request, event) => {
    const judged = await judge(request, request, waitUntilOf(event));
    if (!judged.ok) return judged.response;
    // What NextResponse.next() is.
    return new Response(null, own({ headers: { 'x-middleware-next': '1' } }));
  };
}
