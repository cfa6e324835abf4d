// Converts a key of the issuer to Medusa's form.

import { createdBy, revokedBy } from './user-names.js';

export const FIELDS = [
  'id',
  'token',
  'redacted',
  'title',
  'type',
  'last_used_at',
  'created_by',
  'revoked_by',
  'revoked_at',
  'expires_at',
  'created_at',
  'updated_at',
  'deleted_at',
];

// The `suspended_by` of a key that Medusa deletes softly.
export const SOFT_DELETE = 'medusa:soft-delete';

const date = (text) => (text === null ? null : new Date(text));

// Medusa checks only `revoked_at` to find out whether a key is valid, and its dashboard shows a key
// that has one as revoked. So `revoked_at` is the time of a revocation, including a scheduled one,
// as in Medusa's own module. A key that the issuer already refuses for another reason has one as
// well; an expiry in the future sets none.
export function toMedusa(record, token = record.token ?? '', now = Date.now()) {
  return row(record, token, earliest([revocation(record), ...others(record).filter(({ at }) => at <= now)]));
}

// The row by which Medusa decides whether a publishable key is valid. It may stay in Medusa's cache
// past the key's end, so its `revoked_at` is the first instant at which the key is refused.
export function toValidityRow(record, token = record.token ?? '') {
  return row(record, token, refusedFrom(record));
}

function row(record, token, { at, by }) {
  return {
    id: record.id,
    token,
    redacted: record.redacted,
    title: record.title,
    type: record.kind,
    last_used_at: date(record.last_used_at ?? null),
    created_by: createdBy(record),
    revoked_by: revokedBy(by),
    revoked_at: at,
    expires_at: date(record.expires_at),
    created_at: date(record.issued_at),
    updated_at: date(record.updated_at),
    deleted_at: isSoftDeleted(record) ? date(record.suspended_at) : null,
  };
}

const revocation = (record) => ({ at: date(record.revoked_at), by: record.revoked_by });

// The other reasons for which the issuer refuses a key, with their times.
function others(record) {
  const reasons = [];
  if (record.expires_at !== null) reasons.push({ at: date(record.expires_at), by: null });
  if (record.state === 'suspended' && !isSoftDeleted(record)) {
    reasons.push({ at: date(record.suspended_at ?? record.updated_at), by: record.suspended_by });
  }
  return reasons;
}

function earliest(reasons) {
  const known = reasons.filter(({ at }) => at !== null);
  return known.toSorted((one, other) => one.at - other.at)[0] ?? { at: null, by: null };
}

const refusedFrom = (record) => earliest([revocation(record), ...others(record)]);

export const isSoftDeleted = (record) =>
  record.state === 'suspended' && record.suspended_by === SOFT_DELETE;

// Whether Medusa sees the key as revoked at `now`, for whatever reason.
export function isEnded(record, now = Date.now()) {
  const { at } = refusedFrom(record);
  return at !== null && at.getTime() <= now;
}

// Whether the key is valid at `now` by its record.
export function isValid(record, now = Date.now()) {
  return record.state !== 'suspended' && !isEnded(record, now);
}

// The requested fields of a row. The id is always included, as in every database row.
export function select(row, names) {
  if (names === undefined || names === null || names.includes('*')) return row;
  return Object.fromEntries(
    FIELDS.filter((name) => name === 'id' || names.includes(name)).map((name) => [name, row[name]]),
  );
}
