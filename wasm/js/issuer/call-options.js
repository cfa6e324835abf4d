// The options of calls of the issuer's API. The issuer itself checks bodies and filters by name,
// because a newer issuer may accept more.

import { ENVIRONMENT, FUNCTION, isPlain, KIND, optionsReader, POSITIVE, TEXT } from '../shared/options.js';
import { own, property } from '../shared/property.js';

const SIGNAL = {
  what: 'an AbortSignal',
  read: (value) => (FUNCTION.read(property(value, 'throwIfAborted')) === undefined ? undefined : value),
};
const SECONDS = { what: 'a number of seconds', read: (value) => (typeof value === 'number' && value >= 0 ? value : undefined) };
const ID = { what: 'the number of an event, or 0', read: (value) => (Number.isSafeInteger(value) && value >= 0 ? value : undefined) };
const COUNT = { what: 'how many', read: (value) => (typeof value === 'number' && !Number.isNaN(value) ? value : undefined) };
const CALL = { signal: SIGNAL };

export const readCall = optionsReader('a call of the issuer', CALL);
export const readCreate = optionsReader('keys.create and keys.roll', { ...CALL, idempotencyKey: TEXT });
export const readVerify = optionsReader('verify and keys.authenticate', { ...CALL, kind: KIND, environment: ENVIRONMENT });
export const readImport = optionsReader('keys.import', { ...CALL, type: TEXT });
export const readEnd = optionsReader('what ends keys', { ...CALL, reason: TEXT });
export const readLift = optionsReader('bulkRevocations.lift', { ...CALL, wait: SECONDS });
export const readFollow = optionsReader('events.follow', { type: TEXT, after: ID, silence: POSITIVE });
export const readAll = optionsReader('toArray', { atMost: COUNT });
const readWait = optionsReader('wait', { wait: SECONDS });

// Splits `wait`, which is sent as a query parameter, from the body.
export function waiting(call, given = {}) {
  if (!isPlain(given)) throw new TypeError(`${call}: the body is a plain object`);
  const { wait, ...body } = own(given);
  return own({ ...readWait({ wait }), body });
}

// A request that waits until the targets carry the list may take that much longer.
export function longer(wait) {
  return wait === undefined ? {} : { longer: wait * 1000 };
}
