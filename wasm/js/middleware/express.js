import { guard, kindRequirement, scopeRequirement } from './guard.js';
import { property } from '../shared/property.js';

// Stores the result in `request.portcullis`.
export function apiKey(verifier, options) {
  const authenticate = guard('apiKey', verifier, options);
  return (request, response, next) => {
    authenticate(request, request).then((result) => {
      if (!result.ok) {
        answer(response, result.problem);
        return;
      }
      request.portcullis = result;
      next();
    }).catch(next);
  };
}

export function requireScopes(...scopes) {
  return requiring(scopeRequirement(scopes));
}

export function requireKind(kind) {
  return requiring(kindRequirement(kind));
}

function requiring(requirement) {
  return (request, response, next) => {
    const refused = requirement(property(request, 'portcullis'));
    if (refused === undefined) next();
    else answer(response, refused.problem);
  };
}

function answer(response, { status, headers, body }) {
  response.writeHead(status, headers).end(body);
}
