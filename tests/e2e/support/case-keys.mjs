// The keys that cases name, made at a real issuer.

import { startIssuer } from './issuer.mjs';

const RULES = {
  scopes: '--scope',
  channels: '--sales-channel',
  methods: '--method',
  paths: '--path',
  networks: '--cidr',
  origins: '--origin',
  rate_class: '--rate-class',
};

/**
 * Makes the keys of `tests/gate-cases/keys.json`; gives them by name, with their texts. The one that is revoked
 * is revoked last: whoever refuses it knows all of the others' policies.
 */
export async function makeKeys(issuer, wanted) {
  const foreign = await startIssuer();
  const keys = {};
  for (const [name, { kind, environment, algorithm, admin, owner, policy, canary, issuer: other }] of Object.entries(wanted)) {
    const args = [];
    if (kind) args.push('--kind', kind);
    if (environment) args.push('--environment', environment);
    if (admin) args.push('--admin', '--scope', 'gates:read');
    if (algorithm) args.push('--algorithm', algorithm);
    if (canary) args.push('--canary');
    if (owner) args.push('--owner', String((await issuer.cli(['owners', 'create', '--name', name])).number));
    if (policy) args.push('--policy', String((await makePolicy(issuer, name, kind, policy)).number));
    keys[name] = await (other ? foreign : issuer).create(...args);
  }
  for (const [name, { revoked }] of Object.entries(wanted)) if (revoked) await issuer.revoke(keys[name].id);
  return keys;
}

function makePolicy(issuer, name, kind, rules) {
  const visibility = kind === 'publishable' ? 'public' : 'private';
  const args = Object.entries(rules).flatMap(([rule, values]) => [values].flat().flatMap((value) => [RULES[rule], value]));
  return issuer.cli(['policies', 'create', '--name', name, '--visibility', visibility, ...args]);
}
