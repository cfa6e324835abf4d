// Next.js, on the edge and in Node: route handlers, and the middleware (`proxy`) in front of them.

import { guard, protecting, waitUntilOf } from './guard.js';
import { own } from '../shared/property.js';

export { requireKind, requireScopes } from './fetch.js';

// Wraps a route handler: `handler(request, admitted, context)`.
export function withApiKey(verifier, handler, options) {
  return protecting('withApiKey', verifier, handler, options);
}

// For `middleware.ts` or `proxy.ts`: answers refused requests and lets the others continue.
export function apiKey(verifier, options) {
  const authenticate = guard('apiKey', verifier, options);
  return async (request, event) => {
    const result = await authenticate(request, request, waitUntilOf(event));
    if (!result.ok) return result.response;
    // Equivalent to NextResponse.next().
    return new Response(null, own({ headers: { 'x-middleware-next': '1' } }));
  };
}
