// The verifier behind every entry, on top of an engine: the wasm module, or its JavaScript port.

import { problemOf, toResponse } from '../request/problem.js';
import { fromBase64Url, THIRTY_TWO_BYTES } from '../shared/base64.js';
import { noKey, readCredential, reader } from '../request/credential.js';
import { REQUEST_OPTIONS, KEY_OPTIONS } from '../shared/request-options.js';
import { PortcullisError } from '../shared/errors.js';
import { readFacts } from '../request/facts.js';
import { Refresher } from './refresher.js';
import { verifyNatively } from './native.js';
import {
  argument, BYTES, DURATION, ENVIRONMENT, ENVIRONMENTS, FUNCTION, INSTANT, isPlain, KIND, KINDS, listOf, optionsReader, SOURCE, TEXT,
} from '../shared/options.js';
import { property } from '../shared/property.js';
import { Update } from './update.js';
import { wrappable } from '../shared/wrappable.js';

export { PortcullisError } from '../shared/errors.js';
export { covers } from '../shared/scope.js';
export { httpSource } from './source.js';

const FRESH_FOR_MS = 5_000;
const DEADLINE_MS = 300;
const COLD_DEADLINE_MS = 3_000;
const POLICY_TRIES = 4;

// Refusals that a file may resolve which is not held.
const UNAVAILABLE = new Set(['policy_unavailable', 'assignment_unavailable']);

// Refusals that a newer list or keyring may resolve.
const REFRESHABLE = new Set(['not_covered', 'unknown_kid']);

const KID = {
  what: 'a number from 0 to 65535',
  read: (value) => (Number.isInteger(value) && value >= 0 && value <= 0xffff ? value : undefined),
};
const SECRET = { what: '43 characters of base64url, a Uint8Array or an ArrayBuffer', read: (value) => TEXT.read(value) ?? BYTES.read(value) };
const ROOT = { what: 'the issuer\'s public root key, a string', read: TEXT.read };
const readHeld = optionsReader('secrets', { kid: KID, secret: SECRET });
const SECRETS = { what: 'a list of `{ kid, secret }`', read: (value) => listOf(value)?.map((held) => readHeld(held)) };

const readCreation = optionsReader('createVerifier', {
  root: ROOT, keyring: BYTES, secrets: SECRETS, bundle: BYTES, source: SOURCE, freshFor: DURATION, deadline: DURATION,
  coldDeadline: DURATION, realm: TEXT, now: INSTANT,
});
const readVerify = optionsReader('verify', {
  now: INSTANT, kind: KIND, environment: ENVIRONMENT, freshFor: DURATION, request: { read: readFacts },
});
const readAuthenticate = optionsReader('authenticate', { ...KEY_OPTIONS, waitUntil: FUNCTION });
const readAdopt = optionsReader('adopt', { now: INSTANT });
const readRefresh = optionsReader('refresh', { now: INSTANT });
const readStatus = optionsReader('status', { now: INSTANT, freshFor: DURATION });

export const Verifier = wrappable(class Verifier {
  #engine;
  #refresher;
  #freshFor;
  #realm;

  constructor(Engine, options) {
    const {
      root, keyring, secrets = [], bundle, source, freshFor = FRESH_FOR_MS, deadline = DEADLINE_MS,
      coldDeadline = COLD_DEADLINE_MS, realm, now = Date.now(),
    } = readCreation(options);
    argument('createVerifier', 'root', ROOT, root);
    this.#freshFor = freshFor;
    this.#realm = realm;
    this.#engine = new Engine(root);
    // The keyring goes in before the secrets, so that a wrong secret throws here and not at the
    // first refresh.
    if (keyring !== undefined) this.#engine.offerKeyring(keyring);
    if (bundle !== undefined) this.#engine.adoptBundle(bundle, now);
    for (const held of secrets) this.#holdSecret(held);
    if (source !== undefined) {
      const bounds = { freshFor, deadline, coldDeadline, longestPause: freshFor };
      this.#refresher = new Refresher(this.#engine, new Update(this.#engine, source), bounds);
    }
  }

  verify(token, options) {
    if (typeof token !== 'string') throw new TypeError('verify: the token is a string');
    const usual = options === undefined ? 0 : usualDemand(options);
    if (usual === undefined) return this.#verify(token, readVerify(options));
    return this.#verifyAt(undefined, token, usual >> 4, usual & 15, this.#freshFor, undefined);
  }

  #verify(token, { now, kind, environment, freshFor, request }) {
    const kindCode = kind === undefined ? 0 : KINDS.indexOf(kind);
    const environmentCode = environment === undefined ? 0 : ENVIRONMENTS.indexOf(environment);
    return this.#verifyAt(now, token, kindCode, environmentCode, freshFor ?? this.#freshFor, request);
  }

  // Verifies, and fetches in the background what is missing or old.
  #verifyAt(now, token, kind, environment, freshFor, request) {
    const verdict = this.#engine.verify(token, kind, environment, now ?? Date.now(), freshFor, request);
    if (this.#refresher !== undefined) {
      if (isUnavailable(verdict)) this.#refresher.policyMissing(this.#engine.missed, now === undefined ? Date.now : undefined);
      // If the caller set `now`, the time isn't the present: fetch nothing.
      if (now === undefined) this.#refresher.refreshInBackground(verdict.list.ageMs, Date.now);
    }
    return verdict;
  }

  async authenticate(request, options) {
    if (typeof request !== 'object' || request === null) {
      throw new TypeError('authenticate: the request is an object');
    }
    const { now, kind, environment, salesChannel, address, scopes = [], getKey, waitUntil } = readAuthenticate(options);
    const clock = now === undefined ? Date.now : () => now;
    const headers = property(request, 'headers');
    const held = getKey === undefined ? readCredential(headers, kind) : given(getKey, request);
    // Read the key from the caller's own place, or from the headers by the gate's rules.
    if (held.code !== undefined) {
      const { list } = this.#engine.status(clock(), this.#freshFor);
      return this.#refuse({ ok: false, ...held, list }, scopes, clock);
    }

    const facts = readFacts({
      ...targetOf(request, headers),
      // Collect the facts that policies restrict.
      address: typeof address === 'function' ? address(request) : address,
      scopes,
      salesChannel: typeof salesChannel === 'function' ? salesChannel(request) : salesChannel,
    });
    let missed;
    const verify = async () => {
      await this.#checkSignature(held.token);
      const verdict = this.#verify(held.token, { now: clock(), kind, environment, freshFor: undefined, request: facts });
      missed = this.#engine.missed;
      return verdict;
    };
    const refresher = this.#refresher;
    if (refresher !== undefined) await refresher.refreshIfDue(clock, waitUntil);
    // Wait for a refresh if the list is too old, then verify.
    let verdict = await verify();
    const mayHelp = refresher !== undefined && !verdict.ok && REFRESHABLE.has(verdict.code);
    if (mayHelp && (await refresher.refreshFor(verdict.code, clock))) verdict = await verify();
    // If a newer list or keyring may change the refusal, refresh and verify again.
    for (let tries = 0; isUnavailable(verdict) && tries < POLICY_TRIES; tries += 1) {
      if (refresher === undefined || !(await refresher.fetchPolicy(missed, clock))) break;
      // If the policy or the assignment isn't held, fetch its files and verify again.
      verdict = await verify();
    }
    return verdict.ok ? verdict : this.#refuse(verdict, scopes, clock);
  }

  adopt(bundle, options) {
    const file = argument('adopt', 'bundle', BYTES, bundle);
    const { now = Date.now() } = readAdopt(options);
    return this.#engine.adoptBundle(file, now);
  }

  async refresh(options) {
    const { now } = readRefresh(options);
    if (this.#refresher === undefined) {
      throw new PortcullisError('source_missing', 'this verifier was made without a `source`');
    }
    await this.#refresher.run(() => now ?? Date.now());
    return this.status({ now }).list;
  }

  status(options) {
    const { now = Date.now(), freshFor = this.#freshFor } = readStatus(options);
    const held = this.#engine.status(now, freshFor);
    return { ...held, lastError: this.#refresher?.lastError ?? null };
  }

  // Verifies the signature natively and caches it if it is good. Anything else is left to the
  // engine, which refuses the key with the right code.
  async #checkSignature(token) {
    const found = this.#engine.signature(token);
    if (found !== undefined && (await verifyNatively(found)) === true) this.#engine.remember(found);
  }

  #refuse(verdict, scopes, clock) {
    const retryAfter = (this.#refresher?.pauseLeft(clock()) ?? 0) / 1000;
    const problem = problemOf(verdict, this.#realm, scopes, retryAfter);
    return {
      ...verdict,
      problem,
      get response() {
        return toResponse(problem);
      },
    };
  }

  #holdSecret({ kid, secret }) {
    argument('secrets', 'kid', KID, kid);
    argument('secrets', 'secret', SECRET, secret);
    this.#engine.holdSecret(kid, typeof secret === 'string' ? spelled(secret) : secret);
  }
});

// The options that middleware over this verifier accepts.
Verifier.prototype[REQUEST_OPTIONS] = KEY_OPTIONS;

// Kind and environment, if the options of `verify` are valid and name nothing else. On any doubt
// `undefined`: readVerify, which takes three times as long, then reads or refuses them.
function usualDemand(options) {
  if (!isPlain(options)) return undefined;
  let kind = 0;
  let environment = 0;
  for (const name of Object.getOwnPropertyNames(options)) {
    if (name === 'kind') kind = KINDS.indexOf(options.kind, 1);
    else if (name === 'environment') environment = ENVIRONMENTS.indexOf(options.environment, 1);
    else return undefined;
  }
  return kind < 0 || environment < 0 ? undefined : (kind << 4) | environment;
}

function isUnavailable(verdict) {
  return !verdict.ok && UNAVAILABLE.has(verdict.code);
}

// The facts of a `Request`, or of one of Node's requests. The path is taken from the target as
// received.
function targetOf(request, headers) {
  const method = property(request, 'method');
  const targets = ['originalUrl', 'url'].map((name) => property(request, name));
  const target = targets.find((text) => typeof text === 'string') ?? '';
  const path = target.startsWith('/') ? target.split('?', 1)[0] : pathOf(target);
  return { method: typeof method === 'string' ? method : '', path, origin: reader(headers)('origin') };
}

// The key that the caller's `getKey` returns.
function given(getKey, request) {
  const token = getKey(request);
  return typeof token === 'string' && token !== '' ? { token, code: undefined } : noKey();
}

function pathOf(address) {
  return URL.canParse(address) ? new URL(address).pathname : '';
}

function spelled(secret) {
  if (THIRTY_TWO_BYTES.test(secret)) return fromBase64Url(secret);
  throw new PortcullisError('secret_length', 'a secret in text is 43 characters of base64url');
}
