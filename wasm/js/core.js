// The package itself, over whichever copy of the wasm module an entry has started.

import { RawVerifier } from '../dist/portcullis.js';
import { PortcullisError, guarded } from './errors.js';
import { Refresher } from './source.js';

export { PortcullisError } from './errors.js';
export { httpSource } from './source.js';

const KINDS = { secret: 1, publishable: 2 };
const ENVIRONMENTS = { live: 1, test: 2 };
const FRESH_FOR_MS = 5_000;

// Longer than any key. What is cut off here is refused as too long all the same, and a huge string
// never reaches the module, whose memory can only grow.
const LONGEST_LOOKED_AT = 256;

export function createVerifier(options) {
  return new Verifier(options);
}

class Verifier {
  #raw;
  #refresher;
  #freshFor;

  constructor(options) {
    const { root, keyring, secrets, bundle, source, freshFor, now } = object(options, 'options');
    if (typeof root !== 'string') {
      throw new TypeError('createVerifier: `root` is the issuer\'s public root key, a string');
    }
    this.#freshFor = duration(freshFor, FRESH_FOR_MS);
    const instantNow = instant(now);
    this.#raw = guarded(() => new RawVerifier(root));
    // Before the secrets, so that a wrong one is told at once and not with the first refresh.
    if (keyring !== undefined) {
      const document = bytes(keyring, 'keyring');
      guarded(() => this.#raw.offerKeyring(document));
    }
    if (bundle !== undefined) this.adopt(bundle, { now: instantNow });
    for (const held of secrets ?? []) this.#holdSecret(object(held, 'secrets'));
    if (source !== undefined) {
      if (typeof source?.get !== 'function') {
        throw new TypeError('createVerifier: `source` is what httpSource(url) gives');
      }
      this.#refresher = new Refresher(this.#raw, source);
    }
  }

  verify(token, options) {
    if (typeof token !== 'string') throw new TypeError('verify: the token is a string');
    const { now, kind, environment, freshFor } = object(options, 'options');
    return this.#raw.verify(
      token.length > LONGEST_LOOKED_AT ? token.slice(0, LONGEST_LOOKED_AT) : token,
      choice(KINDS, kind, 'kind'),
      choice(ENVIRONMENTS, environment, 'environment'),
      instant(now),
      duration(freshFor, this.#freshFor),
    );
  }

  adopt(bundle, options) {
    const file = bytes(bundle, 'bundle');
    const now = instant(object(options, 'options').now);
    return guarded(() => this.#raw.adoptBundle(file, now));
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
    return this.#raw.status(instant(now), duration(freshFor, this.#freshFor));
  }

  #holdSecret({ kid, secret }) {
    if (!Number.isInteger(kid) || kid < 0 || kid > 0xffff) {
      throw new TypeError('secrets: each has a `kid`, 0 to 65535, and a `secret`');
    }
    const raw = typeof secret === 'string' ? fromBase64Url(secret) : bytes(secret, 'secret');
    guarded(() => this.#raw.holdSecret(kid, raw));
  }
}

function object(value, what) {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null) throw new TypeError(`${what}: an object`);
  return value;
}

function choice(codes, name, what) {
  if (name === undefined) return 0;
  if (typeof name === 'string' && Object.hasOwn(codes, name)) return codes[name];
  // A misspelt demand must not read as no demand.
  throw new TypeError(`${what}: one of ${Object.keys(codes).join(', ')}`);
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

function fromBase64Url(text) {
  if (!/^[A-Za-z0-9_-]{43}$/.test(text)) {
    throw new PortcullisError('secret_length', 'a secret in text is 43 characters of base64url');
  }
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
