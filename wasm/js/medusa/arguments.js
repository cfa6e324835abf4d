// Reads and validates the arguments of the service's callers.

import { invalid, notFound } from './error.js';
import { own } from '../shared/property.js';

// The fields that the list and the text of a publishable key determine.
const OF_ITS_TEXT = new Set(['id', 'token', 'type', 'revoked_at', 'deleted_at']);
const SECOND = 1000;
const HOUR = 3600;
// The last second that the issuer can represent.
const LAST_SECOND = 2 ** 32 - 2;

// The filters that are set, with each array of one value replaced by that value.
export function singled(filters) {
  const given = Object.entries(filters).filter(([, value]) => value !== undefined);
  const single = ([name, value]) => [name, Array.isArray(value) && value.length === 1 ? value[0] : value];
  return own(Object.fromEntries(given.map(single)));
}

// The text of a publishable key if the lookup only asks whether that key is valid, as Medusa's
// middleware does.
export function validityLookup(filters, { select: names }) {
  const { token, type = 'publishable', ...others } = singled(filters);
  const alone = typeof token === 'string' && type === 'publishable' && Object.keys(others).length === 0;
  return alone && names?.every((name) => OF_ITS_TEXT.has(name)) ? token : undefined;
}

export const listOf = (value) => (Array.isArray(value) ? value : value === undefined ? [] : [value]);

export function requireKnown(ids, records) {
  const known = new Set(records.map(({ id }) => id));
  const unknown = ids.filter((id) => !known.has(id));
  if (unknown.length > 0) throw notFound(`ApiKey with id "${unknown.join(', ')}" not found`);
}

// Counts only secret keys, as Medusa does. For a publishable key that is already revoked, the
// issuer reports it.
export function requireNotRevoked(records) {
  const now = Date.now();
  const revoked = records.filter(({ kind, revoked_at: at }) => kind === 'secret' && at !== null && Date.parse(at) <= now);
  if (revoked.length > 0) throw invalid(`There are ${revoked.length} secret keys that are already revoked.`);
}

// No value, or a negative one, means now. Keys and lists represent instants up to 2106; a later
// revocation is moved to the last of these.
export function revocationTime(seconds) {
  if (!(seconds > 0)) return {};
  const whole = Math.floor(seconds);
  if (!Number.isFinite(whole)) throw invalid('revoke_in is a number of seconds');
  return Date.now() / SECOND + whole < LAST_SECOND - HOUR ? { in_seconds: whole } : { at: new Date(LAST_SECOND * SECOND).toISOString() };
}

// Replaces the module's parts if they can't be made: any access throws `error`.
export function throwing(error) {
  const refuse = () => {
    throw error;
  };
  return new Proxy({}, { get: refuse });
}

export function instant(date) {
  const at = new Date(date);
  if (Number.isNaN(at.getTime())) throw invalid('expires_at is a date');
  return at.toISOString();
}

export function titleOf(data) {
  const { id, title } = own(data);
  return title === undefined ? { id } : { id, title };
}
