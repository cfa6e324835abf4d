// Changes a request in some way that may get it past the gate. What this makes is decided by the
// random source alone.

import { validRequest } from '../grammar.mjs';
import { bodyMutations } from './body.mjs';
import { credentialMutations } from './credentials.mjs';
import { headerMutations, overrides } from './headers.mjs';
import { pathMutations } from './path.mjs';
import { queryMutations } from './query.mjs';

const KINDS = [
  [3, pathMutations],
  [3, queryMutations],
  [4, headerMutations],
  [2, credentialMutations],
  [2, bodyMutations],
  [1, overrides],
];

/** A request for a gate, as the grammar makes it and mostly changed a little. */
export function anyRequest(random, gate, keys, id) {
  const request = validRequest(random, gate, keys, id);
  const changes = random.weighed([
    [20, 0],
    [50, 1],
    [20, 2],
    [10, 4],
  ]);
  for (let change = 0; change < changes; change++) {
    const [name, mutate] = random.pick(random.weighed(KINDS));
    if (mutate(random, request, { keys }) !== false) request.mutations.push(name);
  }
  return request;
}
