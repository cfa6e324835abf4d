// The shared vectors of tests/vectors, and the verdict that `verifyVector` and `verifyAssignment` must
// give.

import { readFileSync, readdirSync } from 'node:fs';

const read = (folder) => readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .sort()
  .map((file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')));

const folder = new URL('../../tests/vectors/', import.meta.url);

export const vectors = read(folder);

// Those of keys with an assignment: see `verifyAssignment`.
export const assignments = read(new URL('assignment/', folder));

// In the package's form: times in milliseconds, and null for a missing value.
export function expected({ adopt, expect: { verdict, code = null, key = null } }) {
  return {
    adopt: adopt.map(({ refused }) => refused),
    ok: verdict === 'accepted',
    code,
    key: key && {
      name: key.name,
      issuer: key.issuer,
      kind: key.kind,
      environment: key.environment,
      algorithm: key.algorithm,
      kid: key.kid,
      serial: key.serial,
      issuedAt: key.issued_at * 1000,
      expiresAt: key.expires_at && key.expires_at * 1000,
      owner: key.owner || null,
      policy: key.policy || null,
    },
  };
}
