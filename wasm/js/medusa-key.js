// A key of the issuer as Medusa knows keys.

import { createdBy, revokedBy } from './medusa-names.js';

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
  'created_at',
  'updated_at',
  'deleted_at',
];

// Who suspends a key that Medusa deletes softly.
export const SOFT_DELETE = 'medusa:soft-delete';

const date = (text) => (text === null ? null : new Date(text));

// Medusa asks `revoked_at` and nothing else whether a key counts: what the issuer refuses for
// another reason has one all the same.
export function toMedusa(record, token = record.token ?? '') {
  const { at, by } = refusedFrom(record);
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
    created_at: date(record.issued_at),
    updated_at: date(record.updated_at),
    deleted_at: isSoftDeleted(record) ? date(record.suspended_at) : null,
  };
}

function refusedFrom(record) {
  const reasons = [{ at: date(record.revoked_at), by: record.revoked_by }];
  if (record.expires_at !== null) reasons.push({ at: date(record.expires_at), by: null });
  if (record.state === 'suspended') {
    const since = record.suspended_at ?? record.updated_at;
    if (!isSoftDeleted(record)) reasons.push({ at: date(since), by: record.suspended_by });
  }
  const earliest = reasons.filter(({ at }) => at !== null).toSorted((one, other) => one.at - other.at)[0];
  return earliest ?? { at: null, by: null };
}

export const isSoftDeleted = (record) =>
  record.state === 'suspended' && record.suspended_by === SOFT_DELETE;

// Whether the record says that the key counts at `now`.
export function counts(record, now = Date.now()) {
  if (record.state === 'suspended') return false;
  const from = refusedFrom(record).at;
  return from === null || from.getTime() > now;
}

// Of a row what was asked for; the id always comes along, as it does of every database row.
export function select(row, names) {
  if (names === undefined || names === null || names.includes('*')) return row;
  return Object.fromEntries(
    FIELDS.filter((name) => name === 'id' || names.includes(name)).map((name) => [name, row[name]]),
  );
}
