// What the client gets for a refused request: a small fixed set of problems (RFC 6750, RFC 9457),
// whatever the internal reason.

import { own } from '../shared/property.js';

const UNAVAILABLE = new Set([
  'list_missing',
  'list_past_next_update',
  'list_from_the_future',
  'keyring_expired',
  'policy_unavailable',
  'policy_too_new',
  'assignment_unavailable',
  'assignment_too_new',
]);
// `address_denied` is not in here: a client at the wrong address must not learn that the key works
// elsewhere.
const NOT_ALLOWED = new Set([
  'policy_missing',
  'origin_denied',
  'method_denied',
  'path_denied',
  'sales_channel_denied',
]);
const INVALID_REQUEST = new Set(['malformed_authorization', 'empty_key', 'two_keys']);
const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

// Status, headers and body of a refusal, as plain values for hosts that have no `Response`.
export function problemOf({ code, message }, realm = 'portcullis', scopes = [], retryAfter = 1) {
  const challenge = `Bearer realm="${realm.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '')}"`;
  if (code === 'no_key') {
    // RFC 6750, section 3.1: no error code if the request carried no credentials.
    return problem(401, 'no_key', 'An API key is needed',
      'Send your API key as `Authorization: Bearer <key>` or `X-API-Key: <key>`.', challenge);
  }
  if (INVALID_REQUEST.has(code)) {
    return problem(400, 'invalid_request', 'The API key can\'t be read from the request', message,
      `${challenge}, error="invalid_request"`);
  }
  if (UNAVAILABLE.has(code)) {
    const { status, headers, body } = problem(503, 'unavailable', 'API keys can\'t be verified at the moment',
      'Try again after the seconds in Retry-After.');
    return { status, headers: { ...headers, 'retry-after': String(Math.max(1, Math.ceil(retryAfter))) }, body };
  }
  if (code === 'scope_missing') {
    const needed = scopes.filter((scope) => SCOPE_TOKEN.test(scope)).join(' ');
    return problem(403, 'insufficient_scope', 'The API key lacks a scope', `The request needs: ${needed}.`,
      `${challenge}, error="insufficient_scope", scope="${needed}"`);
  }
  if (NOT_ALLOWED.has(code)) {
    return problem(403, 'not_allowed', 'The API key does not allow this request',
      'Its policy restricts method, path, origin or sales channel; ask whoever issued it.');
  }
  return problem(401, 'invalid_key', 'The API key is not accepted',
    'Check the key with whoever issued it.', `${challenge}, error="invalid_token"`);
}

export function toResponse({ status, headers, body }) {
  return new Response(body, own({ status, headers }));
}

export function problem(status, type, title, detail, challenge) {
  return {
    status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...(challenge === undefined ? {} : { 'www-authenticate': challenge }),
    },
    body: JSON.stringify(own({ type: `tag:portcullis,2026:${type}`, title, status, detail })),
  };
}
