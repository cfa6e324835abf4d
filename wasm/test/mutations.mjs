// Random keys and mutations of good ones, verified by both engines, in any runtime. Every runtime gets
// the same ones, so the digest of all verdicts shows whether the runtimes agree.

import { changed } from './keys.mjs';

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-\u{141}\ud800';
export const ROUNDS = 10_000;

const bytes = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

export function dice(seed = 20260101) {
  let state = seed;
  const random = (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  return { random, pick: (items) => items[random(items.length)] };
}

// A key that is accepted, with one mistake.
function mutated(all, { random, pick }) {
  const token = pick(all);
  const at = random(token.length);
  const digit = DIGITS[random(66)];
  switch (random(8)) {
    case 0: return token;
    case 1: return token.slice(0, at);
    case 2: return token.slice(0, at) + digit + token.slice(at + 1);
    case 3: return token.slice(0, at) + digit + token.slice(at);
    case 4: return token.slice(0, at) + pick(all).slice(at);
    case 5: return Array.from({ length: random(170) }, () => digit).join('');
    default: return changed(token, random(44), () => random(256));
  }
}

// Returns the count of each verdict, the first difference between the engines, and the digest.
export async function compare(engines, { root, now, tokens, lists, secret }) {
  const { random, pick } = dice();
  const all = Object.values(tokens);
  const pairs = [lists.first, lists.second, lists.withPolicies].map(({ bundle }) => engines.map(({ createVerifier }) =>
    createVerifier({ root, bundle: bytes(bundle), now: now + 2_500, secrets: [{ kid: 1, secret }] })));
  const codes = {};
  const verdicts = [];
  let difference = null;
  for (let round = 0; round < ROUNDS; round += 1) {
    const token = mutated(all, { random, pick });
    const options = {
      now: now + pick([0, 0, 0, 2_500, 29_999, 30_000, 60_000, 7 * 86_400_000, -20_000]),
      kind: pick([undefined, 'secret', 'publishable']),
      environment: pick([undefined, 'live', 'test']),
      request: pick([undefined, {}, { scopes: ['orders:read'] }]),
    };
    const outcomes = pick(pairs).map((verifier) => verifier.verify(token, options));
    const [ours, theirs] = outcomes.map((outcome) => JSON.stringify(outcome));
    if (ours !== theirs) difference ??= { token, ours, theirs };
    const code = outcomes[0].code ?? 'accepted';
    codes[code] = (codes[code] ?? 0) + 1;
    verdicts.push(ours);
  }
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verdicts.join('\n')));
  return { codes, difference, digest: Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('') };
}
