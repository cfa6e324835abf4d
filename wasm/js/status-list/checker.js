// Checks the status of third-party tokens with IETF Token Status Lists
// (draft-ietf-oauth-status-list): fetches and verifies the list that a token's `status.status_list`
// names, and looks up the token's entry. Use it together with a JWT library, which verifies the
// token itself.

import { FUNCTION, INSTANT, listOf, optionsReader, POSITIVE, wrong } from '../shared/options.js';
import { platform } from '../shared/platform.js';
import { own } from '../shared/property.js';
import { wrappable } from '../shared/wrappable.js';

const TYPE = 'statuslist+jwt';
const TIMEOUT_MS = 5_000;
const DEADLINE_MS = 300;
const LONGEST_TOKEN = 4 << 20;
const LONGEST_LIST = 16 << 20;
const LISTS_AT_MOST = 64;
// After a failed fetch, no call fetches that list again for this long.
const PAUSE_MS = 1_000;
// On platforms where a fetch dies with the request that started it: how long other requests wait
// for it.
const LEASE_MS = 1_000;
const POLL_MS = 10;
// If a list has neither `ttl` nor `exp`.
const TTL_MS = 300_000;
const SKEW_MS = 10_000;
const STATUSES = ['valid', 'invalid', 'suspended'];
const NAMES = new Map([
  ['Ed25519', { name: 'Ed25519' }],
  ['ES256', { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }],
  ['ES384', { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' }],
  ['ES512', { name: 'ECDSA', namedCurve: 'P-521', hash: 'SHA-512' }],
  ['RS256', { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }],
  ['RS384', { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-384' }],
  ['RS512', { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-512' }],
  ['PS256', { name: 'RSA-PSS', hash: 'SHA-256', saltLength: 32 }],
  ['PS384', { name: 'RSA-PSS', hash: 'SHA-384', saltLength: 48 }],
  ['PS512', { name: 'RSA-PSS', hash: 'SHA-512', saltLength: 64 }],
].map(([name, algorithm]) => [name, own(algorithm)]));

const KEY = {
  what: 'a CryptoKey, a JWK, a JWK Set, or a function that gives one',
  read: (value) => (typeof value === 'function' || (typeof value === 'object' && value !== null) ? value : undefined),
};
const URIS = { what: 'a list of addresses, or a function of one', read: (value) => (typeof value === 'function' ? value : listOf(value)) };
const readCreation = optionsReader('createStatusChecker', {
  key: KEY, uris: URIS, fetch: FUNCTION, timeout: POSITIVE, deadline: POSITIVE, maxTokenBytes: POSITIVE, maxListBytes: POSITIVE,
});
const readCheck = optionsReader('check', { now: INSTANT, waitUntil: FUNCTION });

export function createStatusChecker(options) {
  return new StatusChecker(options);
}

class StatusError extends Error {
  constructor(code, message, options) {
    super(message, options);
    this.code = code;
  }
}

function check(condition, code, message) {
  if (!condition) throw new StatusError(code, message);
}

const StatusChecker = wrappable(class StatusChecker {
  #key;
  #allow;
  #fetch;
  #timeout;
  #deadline;
  #longestToken;
  #longestList;
  #lists = new Map();

  constructor(options) {
    const {
      key, uris, fetch, timeout = TIMEOUT_MS, deadline = DEADLINE_MS, maxTokenBytes = LONGEST_TOKEN, maxListBytes = LONGEST_LIST,
    } = readCreation(options);
    if (key === undefined) throw wrong('createStatusChecker', 'key', KEY);
    this.#key = key;
    this.#allow = allowing(uris);
    this.#fetch = fetch;
    this.#timeout = timeout;
    this.#deadline = deadline;
    this.#longestToken = maxTokenBytes;
    this.#longestList = maxListBytes;
  }

  // `claims` are the claims of a token that the caller's own library has already verified.
  async check(claims, options) {
    const { now: at = Date.now(), waitUntil } = readCheck(options);
    try {
      const { uri, idx } = reference(claims);
      check(this.#allow(uri), 'status_uri', 'the token names a status list that is not one of `uris`');
      const { list, freshness } = await this.#current(uri, at, waitUntil);
      const value = lookUp(list, idx);
      const status = STATUSES[value] ?? 'other';
      const facts = { uri, idx, freshness, issuedAt: list.issuedAt, expiresAt: list.expiresAt, ageMs: Math.max(0, at - list.issuedAt) };
      return status === 'valid'
        ? { ok: true, status, value, list: facts }
        : { ok: false, code: `status_${status}`, message: `the token's status is ${status}`, status, value, list: facts };
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      return { ok: false, code: error.code, message: error.message, status: null, value: null, list: null };
    }
  }

  // Returns the list: no older than its ttl if a fresh one arrives within the deadline, and never
  // past its expiry.
  async #current(uri, now, waitUntil) {
    const entry = this.#entry(uri);
    const { held } = entry;
    if (held !== undefined && now < held.freshUntil && now < held.endsAt) return { list: held, freshness: 'fresh' };
    const usable = held !== undefined && now < held.endsAt;
    const refreshed = this.#refresh(uri, entry, now, waitUntil);
    if (usable) await Promise.race([refreshed.catch(ignore), sleep(this.#deadline)]);
    else await refreshed;
    const list = entry.held;
    check(list !== undefined && now < list.endsAt, 'status_list_expired', 'the status list has expired, and no newer one can be had');
    return { list, freshness: now < list.freshUntil ? 'fresh' : 'stale' };
  }

  #entry(uri) {
    let entry = this.#lists.get(uri);
    if (entry === undefined) {
      if (this.#lists.size >= LISTS_AT_MOST) this.#lists.delete(this.#lists.keys().next().value);
      entry = { held: undefined, underWay: undefined, lease: { from: 0, until: 0 }, ended: 0, failed: undefined, failedAt: -Infinity };
      this.#lists.set(uri, entry);
    }
    return entry;
  }

  // Only one fetch per list runs at a time. If promises can be shared, all callers wait for its
  // promise. Otherwise only the request that started the fetch does, and the others poll with their
  // own timers.
  async #refresh(uri, entry, now, waitUntil) {
    if (now >= entry.failedAt && now - entry.failedAt < PAUSE_MS) throw entry.failed;
    if (platform.sharesPromises) {
      entry.underWay ??= this.#fetchList(uri, entry, now, waitUntil).finally(() => {
        entry.underWay = undefined;
      });
      return entry.underWay;
    }
    const { ended } = entry;
    const until = Date.now() + this.#timeout;
    while (isWithin(entry.lease) && Date.now() < until) {
      await sleep(POLL_MS);
      if (entry.ended === ended) continue;
      if (entry.failed !== undefined) throw entry.failed;
      return undefined;
    }
    return this.#fetchList(uri, entry, now, waitUntil);
  }

  #fetchList(uri, entry, now, waitUntil) {
    const from = Date.now();
    const lease = { from, until: from + LEASE_MS };
    entry.lease = lease;
    const fetched = this.#load(uri, now)
      .then((list) => {
        // Ignore an older list that was served again.
        if (entry.held === undefined || list.issuedAt >= entry.held.issuedAt) entry.held = list;
        Object.assign(entry, { failed: undefined, failedAt: -Infinity });
      })
      .catch((error) => {
        Object.assign(entry, { failed: error, failedAt: now });
        throw error;
      })
      .finally(() => {
        entry.ended += 1;
        // If our lease ran out, another fetch took it over: leave its state alone.
        if (entry.lease === lease) entry.lease = { from: 0, until: 0 };
      });
    waitUntil?.(fetched.catch(ignore));
    return fetched;
  }

  async #load(uri, now) {
    const token = await this.#get(uri);
    const { header, payload, signed, signature } = split(token);
    check(header.typ === TYPE, 'status_list_type', `the status list token is not of the type ${TYPE}`);
    check(header.crit === undefined, 'status_list_type', 'the status list token has critical headers that are not known here');
    await this.#verify(header, payload, { token, signed, signature });
    check(payload.sub === uri, 'status_list_subject', 'the status list is of another address than the token names');
    const seconds = (name, needed) => {
      const value = payload[name];
      const good = value === undefined ? !needed : typeof value === 'number' && Number.isFinite(value) && value > 0;
      check(good, 'status_list_unreadable', `the status list's \`${name}\` is not a number above 0`);
      return value === undefined ? undefined : value * 1000;
    };
    const [issuedAt, expiresAt, ttl] = [seconds('iat', true), seconds('exp', false), seconds('ttl', false)];
    check(issuedAt <= now + SKEW_MS, 'status_list_from_the_future', 'the status list is dated in the future; check the clock');
    check(expiresAt === undefined || now < expiresAt, 'status_list_expired', 'the status list has expired');
    const { bits, lst } = own(payload.status_list);
    check([1, 2, 4, 8].includes(bits) && typeof lst === 'string', 'status_list_unreadable', 'the status list has no `bits` and `lst`');
    const bytes = await inflate(fromBase64Url(lst), this.#longestList);
    const freshUntil = now + Math.min(ttl ?? TTL_MS, expiresAt === undefined ? Infinity : expiresAt - now);
    // A list without `exp` is trusted for twice the time that it is fresh.
    const endsAt = expiresAt ?? now + 2 * (ttl ?? TTL_MS);
    return { bits, bytes, issuedAt, expiresAt: expiresAt ?? null, freshUntil, endsAt };
  }

  async #get(uri) {
    const fetcher = this.#fetch ?? globalThis.fetch;
    try {
      const init = own({ signal: AbortSignal.timeout(this.#timeout), headers: { accept: `application/${TYPE}` } });
      const response = await fetcher(uri, init);
      if (!response.ok) {
        response.body?.cancel().catch(ignore);
        throw new StatusError('status_list_unavailable', `${uri} answered ${response.status}`);
      }
      const bytes = await collect(response.body, this.#longestToken, 'the status list token');
      return new TextDecoder().decode(bytes).trim();
    } catch (cause) {
      if (cause instanceof StatusError) throw cause;
      throw new StatusError('status_list_unavailable', `${uri} can't be read`, { cause });
    }
  }

  // The key determines the algorithm, and the token's header must agree.
  async #verify(header, payload, { token, signed, signature }) {
    let key = this.#key;
    if (typeof key === 'function') {
      const [encodedHeader, encodedPayload, encodedSignature] = token.split('.');
      // Same arguments as jose's key functions.
      key = await key(header, { payload: encodedPayload, protected: encodedHeader, signature: encodedSignature, claims: payload });
    }
    const found = await keyFor(key, header);
    check(found !== undefined, 'status_list_key', 'none of the keys fits the status list token');
    const { algorithm, cryptoKey } = found;
    const good = await crypto.subtle.verify(algorithm, cryptoKey, signature, signed).catch(() => false);
    check(good === true, 'status_list_bad_signature', 'the signature of the status list token is wrong');
  }
});

function allowing(uris) {
  if (uris === undefined) return (uri) => uri.startsWith('https://');
  if (typeof uris === 'function') return (uri) => uris(uri) === true;
  const allowed = new Set(uris);
  return (uri) => allowed.has(uri);
}

function reference(claims) {
  if (typeof claims !== 'object' || claims === null) throw new TypeError('check: the claims of a token');
  const { status } = own(claims);
  const { uri, idx } = own(own(status).status_list);
  check(status !== undefined, 'status_missing', 'the token has no `status`');
  const good = typeof uri === 'string' && URL.canParse(uri) && Number.isSafeInteger(idx) && idx >= 0;
  check(good, 'status_unreadable', 'the token\'s `status.status_list` has no `uri` and `idx`');
  return { uri, idx };
}

function lookUp({ bits, bytes }, idx) {
  const perByte = 8 / bits;
  const at = Math.floor(idx / perByte);
  check(at < bytes.length, 'status_not_covered', 'the status list does not reach the token\'s index');
  return (bytes[at] >> ((idx % perByte) * bits)) & (2 ** bits - 1);
}

function split(token) {
  const parts = token.split('.');
  check(parts.length === 3, 'status_list_unreadable', 'what was fetched is no JWT');
  const [header, payload] = parts.slice(0, 2).map((part) => {
    try {
      const value = JSON.parse(new TextDecoder('utf-8', own({ fatal: true })).decode(fromBase64Url(part)));
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return own(value);
    } catch {
      // Falls through to the error below.
    }
    throw new StatusError('status_list_unreadable', 'what was fetched is no JWT');
  });
  const signed = new TextEncoder().encode(`${parts[0]}.${parts[1]}`);
  return { header, payload, signed, signature: fromBase64Url(parts[2]) };
}

function fromBase64Url(text) {
  check(/^[A-Za-z0-9_-]*$/.test(text) && text.length % 4 !== 1, 'status_list_unreadable', 'what was fetched is not base64url');
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

async function inflate(bytes, longest) {
  const stream = new Response(bytes).body.pipeThrough(new DecompressionStream('deflate'));
  try {
    return await collect(stream, longest, 'the status list');
  } catch (cause) {
    if (cause instanceof StatusError) throw cause;
    throw new StatusError('status_list_unreadable', 'the status list is not compressed as it should be', { cause });
  }
}

async function collect(stream, longest, what) {
  const reader = stream.getReader();
  const chunks = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > longest) {
      reader.cancel().catch(ignore);
      throw new StatusError('status_list_too_large', `${what} has more than ${longest} bytes`);
    }
    chunks.push(value);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

// Picks the key of a JWK Set that the header names, and imports it for the header's algorithm if it
// is a key for that.
async function keyFor(key, { alg, kid }) {
  // `EdDSA` is the name from before RFC 9864.
  const name = alg === 'EdDSA' ? 'Ed25519' : alg;
  const algorithm = NAMES.get(name);
  if (algorithm === undefined || key === undefined || key === null) return undefined;
  if (typeof CryptoKey !== 'undefined' && key instanceof CryptoKey) return fitsCryptoKey(key, algorithm) ? { algorithm, cryptoKey: key } : undefined;
  const { keys, kty, crv, x, y, n, e } = own(key);
  if (Array.isArray(keys)) {
    const named = keys.filter((jwk) => (kid === undefined || own(jwk).kid === kid) && fits(own(jwk), name));
    return named.length === 1 ? keyFor(named[0], own({ alg })) : undefined;
  }
  if (!fits(own(key), name)) return undefined;
  const jwk = own({ kty, crv, x, y, n, e });
  const cryptoKey = await crypto.subtle.importKey('jwk', jwk, algorithm, false, ['verify']).catch(() => undefined);
  return cryptoKey && { algorithm, cryptoKey };
}

function fits({ kty, crv, alg, use }, name) {
  if (alg !== undefined && alg !== name && !(alg === 'EdDSA' && name === 'Ed25519')) return false;
  if (use !== undefined && use !== 'sig') return false;
  if (name === 'Ed25519') return kty === 'OKP' && crv === 'Ed25519';
  if (name.startsWith('ES')) return kty === 'EC' && crv === NAMES.get(name).namedCurve;
  return kty === 'RSA';
}

function fitsCryptoKey({ type, algorithm, usages }, wanted) {
  const { name, namedCurve, hash: digest } = own(algorithm);
  const hash = own(digest).name;
  return type === 'public' && usages.includes('verify') && name === wanted.name
    && (wanted.namedCurve === undefined || namedCurve === wanted.namedCurve)
    && (hash === undefined || hash === wanted.hash);
}

// If the clock was set back, the span counts as over instead of lasting longer.
function isWithin({ from, until }) {
  const now = Date.now();
  return now >= from && now < until;
}

function sleep(millis) {
  return new Promise((resolve) => {
    setTimeout(resolve, millis);
  });
}

function ignore() {}

