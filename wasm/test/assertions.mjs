// The shared vectors of tests/vectors/assertion, and the verdict that `verifyAssertion` must give.

import { readFileSync, readdirSync } from 'node:fs';

const folder = new URL('../../tests/vectors/assertion/', import.meta.url);

export const vectors = readdirSync(folder)
  .sort()
  .map((file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')));

// In the package's form: times in milliseconds, and null for a missing value.
export function expectedAssertion({ audience, expect: { verdict, code, said } }) {
  if (verdict === 'refused') return { ok: false, code };
  const { issuer, name, kind, environment, owner, policy, scopes, sales_channels: salesChannels, list, freshness } = said;
  return {
    ok: true,
    key: { name, issuer, kind, environment, owner: owner || null, policy: policy || null },
    grant: { scopes, salesChannels },
    list: { number: list, freshness },
    audience,
    issuedAt: said.issued_at * 1000,
    expiresAt: said.expires_at * 1000,
  };
}
