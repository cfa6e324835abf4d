import { guard, kindDemand, scopeDemand, toResponse } from './guard.js';

// What was admitted stands in `c.get('portcullis')`.
export function apiKey(verifier, options) {
  const { onRefused, ...asked } = options ?? {};
  const judge = guard(verifier, asked);
  return async (c, next) => {
    const judged = await judge(c.req.raw, { ...given(asked, c), ...waiting(c) });
    if (!judged.ok) {
      onRefused?.(judged, c);
      return judged.response;
    }
    c.set('portcullis', judged);
    await next();
  };
}

export function requireScopes(...scopes) {
  return demanding(scopeDemand(scopes));
}

export function requireKind(kind) {
  return demanding(kindDemand(kind));
}

function demanding(demand) {
  return async (c, next) => {
    const refused = demand(c.get('portcullis'));
    if (refused !== undefined) return toResponse(refused.problem);
    await next();
  };
}

// A function of the options is asked about Hono's context.
function given({ address, salesChannel, getKey }, c) {
  const read = (value) => (typeof value === 'function' ? (value(c) ?? null) : value);
  const own = { address: read(address), salesChannel: read(salesChannel) };
  return getKey === undefined ? own : { ...own, getKey: () => getKey(c) };
}

// Hono throws where its host has no such context.
function waiting(c) {
  try {
    const context = c.executionCtx;
    return { waitUntil: (promise) => context.waitUntil(promise) };
  } catch {
    return {};
  }
}
