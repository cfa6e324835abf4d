// The package itself, over an engine: the wasm module, or the same in JavaScript.

import { problemOf, responseOf } from './answer.js';
import { fromBase64Url, THIRTY_TWO_BYTES } from './base64.js';
import { noKey, readCredential, reader } from './credential.js';
import { PortcullisError } from './errors.js';
import { readFacts, readScopes } from './facts.js';
import { Keeper } from './keeper.js';
import { isGood } from './native.js';
import { bytes, choice, duration, ENVIRONMENTS, instant, KINDS, object, read } from './options.js';
import { Update } from './update.js';

export { PortcullisError } from './errors.js';
export { covers } from './scope.js';
export { httpSource } from './source.js';

const FRESH_FOR_MS = 5_000;
const DEADLINE_MS = 300;
const COLD_DEADLINE_MS = 3_000;
const POLICY_TRIES = 3;

// What a key is refused for that a newer list or keyring may settle.
const DOUBTS = new Set(['not_covered', 'unknown_kid']);

export class Verifier {
  #engine;
  #keeper;
  #freshFor;
  #realm;

  constructor(Engine, options) {
    const { root, keyring, secrets, bundle, source, freshFor, deadline, coldDeadline, realm, now } =
      object(options, 'options');
    if (typeof root !== 'string') {
      throw new TypeError('createVerifier: `root` is the issuer\'s public root key, a string');
    }
    this.#freshFor = duration(freshFor, FRESH_FOR_MS, 'freshFor');
    this.#realm = realm;
    const bounds = {
      freshFor: this.#freshFor,
      deadline: duration(deadline, DEADLINE_MS, 'deadline'),
      coldDeadline: duration(coldDeadline, COLD_DEADLINE_MS, 'coldDeadline'),
    };
    const instantNow = instant(now);
    this.#engine = new Engine(root);
    // Before the secrets, so that a wrong one is told at once and not with the first refresh.
    if (keyring !== undefined) this.#engine.offerKeyring(bytes(keyring, 'keyring'));
    if (bundle !== undefined) this.adopt(bundle, { now: instantNow });
    for (const held of secrets ?? []) this.#holdSecret(object(held, 'secrets'));
    if (source !== undefined) {
      if (typeof source?.get !== 'function') {
        throw new TypeError('createVerifier: `source` is what httpSource(url) gives');
      }
      this.#keeper = new Keeper(this.#engine, new Update(this.#engine, source), bounds);
    }
  }

  verify(token, options) {
    if (typeof token !== 'string') throw new TypeError('verify: the token is a string');
    if (options === undefined) {
      const now = Date.now();
      const verdict = this.#engine.verify(token, 0, 0, now, this.#freshFor, undefined);
      if (this.#keeper !== undefined) this.#keeper.behind(verdict.list.ageMs, Date.now);
      return verdict;
    }
    const { now, kind, environment, freshFor, request } = object(options, 'options');
    const verdict = this.#engine.verify(
      token,
      choice(KINDS, kind, 'kind'),
      choice(ENVIRONMENTS, environment, 'environment'),
      instant(now),
      duration(freshFor, this.#freshFor, 'freshFor'),
      request === undefined ? undefined : readFacts(request),
    );
    if (this.#keeper !== undefined) {
      if (verdict.code === 'policy_unavailable') this.#keeper.miss(this.#engine.missed, now === undefined ? Date.now : undefined);
      // Of another instant than now nothing is to be fetched.
      if (now === undefined) this.#keeper.behind(verdict.list.ageMs, Date.now);
    }
    return verdict;
  }

  async authenticate(request, options) {
    if (typeof request !== 'object' || request === null) {
      throw new TypeError('authenticate: the request is an object');
    }
    const asked = object(options, 'options');
    const { now, kind, environment, salesChannel, address, waitUntil } = asked;
    const fixed = now === undefined ? undefined : instant(now);
    const clock = fixed === undefined ? Date.now : () => fixed;
    const scopes = readScopes(asked.scopes);
    const held = asked.getKey === undefined ? readCredential(request.headers, kind) : given(asked.getKey, request);
    if (held.code !== undefined) {
      const { list } = this.#engine.status(clock(), this.#freshFor);
      return this.#refuse({ ok: false, ...held, list }, scopes, clock);
    }

    const ask = {
      kind,
      environment,
      request: {
        ...factsOf(request),
        address: read(address, request),
        scopes,
        salesChannel: read(salesChannel, request),
      },
    };
    let missed;
    const judge = async () => {
      await this.#checkSignature(held.token);
      const verdict = this.verify(held.token, { ...ask, now: clock() });
      missed = this.#engine.missed;
      return verdict;
    };
    const keeper = this.#keeper;
    if (keeper !== undefined) await keeper.current(clock, waitUntil);
    let verdict = await judge();
    if (keeper !== undefined && DOUBTS.has(verdict.code) && (await keeper.settle(verdict.code, clock))) {
      verdict = await judge();
    }
    for (let tries = 0; verdict.code === 'policy_unavailable' && tries < POLICY_TRIES; tries += 1) {
      if (keeper === undefined || !(await keeper.policy(missed, clock))) break;
      verdict = await judge();
    }
    return verdict.ok ? verdict : this.#refuse(verdict, scopes, clock);
  }

  adopt(bundle, options) {
    const file = bytes(bundle, 'bundle');
    const now = instant(object(options, 'options').now);
    return this.#engine.adoptBundle(file, now);
  }

  async refresh(options) {
    const { now } = object(options, 'options');
    if (this.#keeper === undefined) {
      throw new PortcullisError('source_missing', 'this verifier was made without a `source`');
    }
    const fixed = now === undefined ? undefined : instant(now);
    await this.#keeper.run(() => fixed ?? Date.now());
    return this.status({ now: fixed }).list;
  }

  status(options) {
    const { now, freshFor } = object(options, 'options');
    const held = this.#engine.status(instant(now), duration(freshFor, this.#freshFor, 'freshFor'));
    return { ...held, lastError: this.#keeper?.lastError ?? null };
  }

  // Leaves a signature that is not good to the engine, which then says so.
  async #checkSignature(token) {
    const found = this.#engine.signature(token);
    if (found !== undefined && (await isGood(found)) === true) this.#engine.remember(found);
  }

  #refuse(verdict, scopes, clock) {
    const retryAfter = (this.#keeper?.pauseLeft(clock()) ?? 0) / 1000;
    const how = { realm: this.#realm, scopes, retryAfter };
    return {
      ...verdict,
      problem: problemOf(verdict, how),
      get response() {
        return responseOf(verdict, how);
      },
    };
  }

  #holdSecret({ kid, secret }) {
    if (!Number.isInteger(kid) || kid < 0 || kid > 0xffff) {
      throw new TypeError('secrets: each has a `kid`, 0 to 65535, and a `secret`');
    }
    this.#engine.holdSecret(kid, typeof secret === 'string' ? spelled(secret) : bytes(secret, 'secret'));
  }
}

// What a request says of itself: a `Request`, or one of Node's, whose target is as it was received.
function factsOf({ headers, method, url, originalUrl }) {
  const target = [originalUrl, url].find((text) => typeof text === 'string') ?? '';
  const path = target.startsWith('/') ? target.split('?', 1)[0] : pathOf(target);
  return { method: typeof method === 'string' ? method : '', path, origin: reader(headers)('origin') };
}

// The key from where the caller keeps it.
function given(getKey, request) {
  if (typeof getKey !== 'function') throw new TypeError('getKey: a function of the request');
  const token = getKey(request);
  return typeof token === 'string' && token !== '' ? { token } : noKey();
}

function pathOf(address) {
  return URL.canParse(address) ? new URL(address).pathname : '';
}

function spelled(secret) {
  if (THIRTY_TWO_BYTES.test(secret)) return fromBase64Url(secret);
  throw new PortcullisError('secret_length', 'a secret in text is 43 characters of base64url');
}
