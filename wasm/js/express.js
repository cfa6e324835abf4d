import { guard, kindDemand, scopeDemand } from './guard.js';

// What was admitted stands in `request.portcullis`.
export function apiKey(verifier, options) {
  const { onRefused, ...asked } = options ?? {};
  const judge = guard(verifier, asked);
  return (request, response, next) => {
    judge(request).then((judged) => {
      if (!judged.ok) {
        onRefused?.(judged, request);
        answer(response, judged.problem);
        return;
      }
      request.portcullis = judged;
      next();
    }).catch(next);
  };
}

export function requireScopes(...scopes) {
  return demanding(scopeDemand(scopes));
}

export function requireKind(kind) {
  return demanding(kindDemand(kind));
}

function demanding(demand) {
  return (request, response, next) => {
    const refused = demand(request.portcullis);
    if (refused === undefined) next();
    else answer(response, refused.problem);
  };
}

function answer(response, { status, headers, body }) {
  response.writeHead(status, headers).end(body);
}
