// The facts of a request that policies can restrict.

import { addressBytes } from './ip-address.js';
import { FACT, SCOPES } from '../shared/request-options.js';
import { optionsReader } from '../shared/options.js';

const FACTS = optionsReader('request', {
  address: FACT, origin: FACT, method: FACT, path: FACT, scopes: SCOPES, salesChannel: FACT,
});

// Validates the caller's facts. A policy that restricts a fact denies requests for which it is
// unknown.
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
