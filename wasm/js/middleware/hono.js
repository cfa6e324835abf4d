import { toResponse } from '../request/problem.js';
import { guard, kindRequirement, scopeRequirement, waitUntilOf } from './guard.js';

// Stores the result in `c.get('portcullis')`.
export function apiKey(verifier, options) {
  const authenticate = guard('apiKey', verifier, options);
  return async (c, next) => {
    const result = await authenticate(c.req.raw, c, waiting(c));
    if (!result.ok) return result.response;
    c.set('portcullis', result);
    await next();
  };
}

export function requireScopes(...scopes) {
  return requiring(scopeRequirement(scopes));
}

export function requireKind(kind) {
  return requiring(kindRequirement(kind));
}

function requiring(requirement) {
  return async (c, next) => {
    const refused = requirement(c.get('portcullis'));
    if (refused !== undefined) return toResponse(refused.problem);
    await next();
  };
}

// Hono throws if its host has no execution context.
function waiting(c) {
  try {
    return waitUntilOf(c.executionCtx);
  } catch {
    return undefined;
  }
}
