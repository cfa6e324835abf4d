// What every middleware is made of: one judgement of a request, and demands on what it found. All of
// it is closed by default: only a request that was admitted goes on.

import { problemOf } from './answer.js';
import { readScopes } from './facts.js';
import { covers } from './scope.js';

// Judges requests by `verifier`: gives what authenticate gives.
export function guard(verifier, options = {}) {
  if (typeof verifier?.authenticate !== 'function') {
    throw new TypeError('the first argument is what createVerifier gives');
  }
  // Told at start-up and not with the first request.
  readScopes(options.scopes);
  return (request, more) => verifier.authenticate(request, { ...options, ...more });
}

// Why what was admitted may not go on for want of a scope: `undefined` where it may.
export function scopeDemand(scopes) {
  const needed = readScopes(scopes.flat());
  if (needed.length === 0) throw new TypeError('requireScopes: at least one scope');
  return (admitted) => {
    const all = needed.every((scope) => held(admitted).grant.scopes.some((grant) => covers(grant, scope)));
    return all ? undefined : refusal('scope_missing', 'the policy does not grant a scope that the request needs', needed);
  };
}

// The same for the key's kind.
export function kindDemand(kind) {
  if (kind !== 'secret' && kind !== 'publishable') throw new TypeError('requireKind: secret or publishable');
  return (admitted) => {
    const given = held(admitted).key.kind;
    return given === kind ? undefined : refusal('wrong_kind', `a ${kind} key is needed here, this one is ${given}`, []);
  };
}

function held(admitted) {
  if (admitted?.ok === true) return admitted;
  throw new TypeError('no key was judged for this request: apiKey(verifier) comes first');
}

function refusal(code, message, scopes) {
  return { ok: false, code, message, problem: problemOf({ code, message }, { scopes }) };
}

export function toResponse({ status, headers, body }) {
  return new Response(body, { status, headers });
}
