// The package itself, over whichever copy of the wasm module an entry has started.

import { fromBase64Url, THIRTY_TWO_BYTES } from './base64.js';
import { PortcullisError } from './errors.js';
import { ENVIRONMENTS, KINDS, Module } from './module.js';
import { Refresher } from './source.js';

export { PortcullisError } from './errors.js';
export { httpSource } from './source.js';

const FRESH_FOR_MS = 5_000;
const NOTHING = Object.freeze({});

export function createVerifier(options) {
  return new Verifier(options);
}

class Verifier {
  #module;
  #refresher;
  #freshFor;

  constructor(options) {
    const { root, keyring, secrets, bundle, source, freshFor, now } = object(options, 'options');
    if (typeof root !== 'string') {
      throw new TypeError('createVerifier: `root` is the issuer\'s public root key, a string');
    }
    this.#freshFor = duration(freshFor, FRESH_FOR_MS);
    const instantNow = instant(now);
    this.#module = new Module(root);
    // Before the secrets, so that a wrong one is told at once and not with the first refresh.
    if (keyring !== undefined) this.#module.offerKeyring(bytes(keyring, 'keyring'));
    if (bundle !== undefined) this.adopt(bundle, { now: instantNow });
    for (const held of secrets ?? []) this.#holdSecret(object(held, 'secrets'));
    if (source !== undefined) {
      if (typeof source?.get !== 'function') {
        throw new TypeError('createVerifier: `source` is what httpSource(url) gives');
      }
      this.#refresher = new Refresher(this.#module, source);
    }
  }

  verify(token, options) {
    if (typeof token !== 'string') throw new TypeError('verify: the token is a string');
    const { now, kind, environment, freshFor } = object(options, 'options');
    return this.#module.verify(
      token,
      choice(KINDS, kind, 'kind'),
      choice(ENVIRONMENTS, environment, 'environment'),
      instant(now),
      duration(freshFor, this.#freshFor),
    );
  }

  adopt(bundle, options) {
    const file = bytes(bundle, 'bundle');
    const now = instant(object(options, 'options').now);
    return this.#module.adoptBundle(file, now);
  }

  async refresh(options) {
    const { now } = object(options, 'options');
    if (this.#refresher === undefined) {
      throw new PortcullisError('source_missing', 'this verifier was made without a `source`');
    }
    const fixed = now === undefined ? undefined : instant(now);
    await this.#refresher.run(() => fixed ?? Date.now());
    return this.status({ now: fixed }).list;
  }

  status(options) {
    const { now, freshFor } = object(options, 'options');
    return this.#module.status(instant(now), duration(freshFor, this.#freshFor));
  }

  #holdSecret({ kid, secret }) {
    if (!Number.isInteger(kid) || kid < 0 || kid > 0xffff) {
      throw new TypeError('secrets: each has a `kid`, 0 to 65535, and a `secret`');
    }
    this.#module.holdSecret(kid, typeof secret === 'string' ? spelled(secret) : bytes(secret, 'secret'));
  }
}

function object(value, what) {
  if (value === undefined) return NOTHING;
  if (typeof value !== 'object' || value === null) throw new TypeError(`${what}: an object`);
  return value;
}

function choice(names, name, what) {
  if (name === undefined) return 0;
  if (name === names[1]) return 1;
  if (name === names[2]) return 2;
  // A misspelt demand must not read as no demand.
  throw new TypeError(`${what}: one of ${names.slice(1).join(', ')}`);
}

function instant(now) {
  if (now === undefined) return Date.now();
  const millis = now instanceof Date ? now.getTime() : now;
  if (typeof millis === 'number' && millis >= 0 && millis < Infinity) return millis;
  throw new TypeError('now: a Date, or milliseconds since 1970');
}

function duration(millis, otherwise) {
  if (millis === undefined) return otherwise;
  if (typeof millis === 'number' && millis >= 0) return millis;
  throw new TypeError('freshFor: milliseconds');
}

function bytes(value, what) {
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  throw new TypeError(`${what}: a Uint8Array or an ArrayBuffer`);
}

function spelled(secret) {
  if (THIRTY_TWO_BYTES.test(secret)) return fromBase64Url(secret);
  throw new PortcullisError('secret_length', 'a secret in text is 43 characters of base64url');
}
