// What is known of a request, as policies speak of it.

import { addressBytes } from './address.js';
import { FACT, SCOPES } from './demands.js';
import { options } from './options.js';

const FACTS = options('request', {
  address: FACT, origin: FACT, method: FACT, path: FACT, scopes: SCOPES, salesChannel: FACT,
});

// The caller's facts, looked at. One that is not known is allowed by no policy that restricts it.
export function readFacts(request) {
  const { address, origin, method, path, scopes, salesChannel } = FACTS(request);
  return {
    address: addressBytes(address),
    origin: origin ?? undefined,
    method: method ?? '',
    path: path ?? '',
    scopes: scopes ?? [],
    salesChannel: salesChannel ?? undefined,
  };
}
