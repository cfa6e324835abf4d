// What is known of a request, as policies speak of it.

import { addressBytes } from './address.js';
import { isScope } from './scope.js';

// The caller's facts, looked at. A misspelt demand must not read as no demand; a fact that is not
// known is allowed by no policy that restricts it.
export function readFacts(request) {
  if (typeof request !== 'object' || request === null) throw new TypeError('request: an object');
  const { address, origin, method, path, scopes, salesChannel } = request;
  return {
    address: addressBytes(text(address, 'address')),
    origin: text(origin, 'origin'),
    method: text(method, 'method') ?? '',
    path: text(path, 'path') ?? '',
    scopes: readScopes(scopes),
    salesChannel: text(salesChannel, 'salesChannel'),
  };
}

export function readScopes(scopes) {
  if (scopes === undefined || scopes === null) return [];
  const list = typeof scopes === 'string' ? [scopes] : [...scopes];
  for (const scope of list) {
    if (!isScope(scope)) throw new TypeError('scopes: texts like `orders:read`, without wildcards');
  }
  return list;
}

function text(value, what) {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  throw new TypeError(`request: \`${what}\` is a string`);
}
