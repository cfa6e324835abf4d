import { guard, kindRequirement, scopeRequirement } from './guard.js';
import { property } from '../shared/property.js';

// A plugin: all routes of the scope that it is registered in, and of nested scopes, need a key.
// Stores the result in `request.portcullis`.
export function apiKey(verifier, options) {
  const authenticate = guard('apiKey', verifier, options);
  const plugin = (fastify, _options, done) => {
    if (!fastify.hasRequestDecorator('portcullis')) fastify.decorateRequest('portcullis', null);
    fastify.addHook('onRequest', async (request, reply) => {
      const result = await authenticate(shape(request), request);
      if (!result.ok) return answer(reply, result.problem);
      request.portcullis = result;
      return undefined;
    });
    done();
  };
  // Fastify's mark for a plugin without encapsulation, which applies to the scope that registers
  // it.
  plugin[Symbol.for('skip-override')] = true;
  plugin[Symbol.for('fastify.display-name')] = 'portcullis';
  return plugin;
}

export function requireScopes(...scopes) {
  return requiring(scopeRequirement(scopes));
}

export function requireKind(kind) {
  return requiring(kindRequirement(kind));
}

// For a route's `onRequest` or `preHandler`.
function requiring(requirement) {
  return async (request, reply) => {
    const refused = requirement(property(request, 'portcullis'));
    return refused && answer(reply, refused.problem);
  };
}

// Uses the URL as it was received, before any rewriting.
function shape(request) {
  const { headers, method, raw } = request;
  return { headers, method, url: property(request, 'originalUrl') ?? raw.url };
}

function answer(reply, { status, headers, body }) {
  return reply.code(status).headers(headers).send(body);
}
