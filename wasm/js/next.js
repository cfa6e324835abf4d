// Next.js, on the edge and in Node: route handlers, and the middleware (`proxy`) before them.

import { protect } from './fetch.js';
import { guard } from './guard.js';

export { requireKind, requireScopes } from './fetch.js';

// A route handler: `handler(request, admitted, context)`.
export function withApiKey(verifier, handler, options) {
  return protect(verifier, handler, options);
}

// `middleware.ts` or `proxy.ts`: answers what is refused and lets the rest go on.
export function apiKey(verifier, options) {
  const { onRefused, ...asked } = options ?? {};
  const judge = guard(verifier, asked);
  return async (request, event) => {
    const more = typeof event?.waitUntil === 'function' ? { waitUntil: (promise) => event.waitUntil(promise) } : {};
    const judged = await judge(request, more);
    if (!judged.ok) {
      onRefused?.(judged, request);
      return judged.response;
    }
    // What NextResponse.next() is.
    return new Response(null, { headers: { 'x-middleware-next': '1' } });
  };
}
