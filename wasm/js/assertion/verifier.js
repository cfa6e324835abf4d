// Verifies assertions (docs/assertion.md), the gate's signed statements about its callers, at the
// origin. Runs on any platform with WebCrypto; if that lacks Ed25519, the noble libraries verify.

import { problem, problemOf, toResponse } from '../request/problem.js';
import { reader } from '../request/credential.js';
import { REQUEST_OPTIONS, FACT, ASSERTION_OPTIONS } from '../shared/request-options.js';
import { PortcullisError } from '../shared/errors.js';
import { AssertionKeyring } from './keyring.js';
import { Refresher } from '../engine/refresher.js';
import { verifyNatively } from '../engine/native.js';
import {
  argument, BYTES, DURATION, ENVIRONMENT, ENVIRONMENTS, FUNCTION, INSTANT, KIND, KINDS, listOf, optionsReader, SOURCE, TEXT,
} from '../shared/options.js';
import { own, property } from '../shared/property.js';
import { readAssertion } from '../pure/assertion.js';
import { ASSERTION, countsAt, ED25519 } from '../pure/documents.js';
import { isStrict, verify as verifySignature } from '../pure/ed25519.js';
import { sameBytes } from '../pure/reader.js';
import { base62 } from '../pure/token.js';
import { covers } from '../shared/scope.js';
import { wrappable } from '../shared/wrappable.js';

export { PortcullisError } from '../shared/errors.js';
export { covers } from '../shared/scope.js';
export { httpSource } from '../engine/source.js';

const HEADER = 'portcullis-assertion';
const FRESH_FOR_MS = 30_000;
const DEADLINE_MS = 300;
const COLD_DEADLINE_MS = 3_000;
const LONGEST_PAUSE_MS = 5_000;
const SKEW_MS = 10_000;
const LONGEST_LIFE_SECS = 300;
// A gate sends the same assertion for half a minute, so good signatures are cached.
const REMEMBERED = 1024;

// A host, or host and port; not a URL.
const AUDIENCE = /^[^\s/?#@]+$/;
// The refusal that a newer keyring may resolve.
const NOT_ALLOWED = 'assertion_signer_not_allowed';

const MESSAGES = {
  assertion_missing: 'the request carries no assertion: it did not come through the gate, or the keyring has no signer of assertions',
  assertion_malformed: 'this is no assertion; take the value of the header as it is',
  assertion_unreadable: 'the assertion can\'t be read; it was cut or altered, or a newer gate wrote it',
  assertion_foreign_issuer: 'the assertion is of another issuer than the keyring',
  assertion_bad_signature: 'the signature of the assertion is wrong; it was altered or forged',
  assertion_wrong_audience: 'the assertion is for another audience; compare `audience` with the gate\'s ORIGIN_URL',
  assertion_out_of_time: 'the assertion is out of its time; check the clock',
  keyring_missing: 'no assertion can be verified now: no keyring is held; fetch one',
  scope_missing: 'the policy does not grant a scope that the request needs',
  sales_channel_denied: 'the policy does not grant the sales channel',
};

const ROOT = { what: 'the issuer\'s public root key, a string', read: TEXT.read };
const AUDIENCES = { what: 'host, and port if there is one, of the gate\'s ORIGIN_URL, or a list of such', read: audiencesOf };

const readCreation = optionsReader('createAssertionVerifier', {
  root: ROOT, audience: AUDIENCES, keyring: BYTES, source: SOURCE, freshFor: DURATION, deadline: DURATION,
  coldDeadline: DURATION, realm: TEXT,
});
const VERIFY = { now: INSTANT, kind: KIND, environment: ENVIRONMENT, waitUntil: FUNCTION };
const readVerify = optionsReader('verify of an assertion', VERIFY);
const readAuthenticate = optionsReader('authenticate of an assertion', { ...ASSERTION_OPTIONS, ...VERIFY });
const readRefresh = optionsReader('refresh of a keyring', { now: INSTANT });

export function createAssertionVerifier(options) {
  return new AssertionVerifier(options);
}

const AssertionVerifier = wrappable(class AssertionVerifier {
  #held;
  #refresher;
  #audiences;
  #realm;
  // Assertions whose signature is good, by their text; valid for one keyring only.
  #signed = { by: undefined, texts: new Map() };

  constructor(options) {
    const {
      root, audience, keyring, source, freshFor = FRESH_FOR_MS, deadline = DEADLINE_MS, coldDeadline = COLD_DEADLINE_MS, realm,
    } = readCreation(options);
    argument('createAssertionVerifier', 'root', ROOT, root);
    argument('createAssertionVerifier', 'audience', AUDIENCES, audience);
    this.#audiences = audience;
    this.#realm = realm;
    const bounds = { freshFor, deadline, coldDeadline, longestPause: LONGEST_PAUSE_MS };
    this.#held = new AssertionKeyring(root, source);
    if (keyring !== undefined) this.adopt(keyring);
    if (source !== undefined) this.#refresher = new Refresher(this.#held, this.#held, bounds);
  }

  async verify(input, options) {
    return this.#verifyInput(input, readVerify(options));
  }

  async #verifyInput(input, { now, kind = '', environment = '', waitUntil }) {
    const requirements = { kind: KINDS.indexOf(kind), environment: ENVIRONMENTS.indexOf(environment) };
    const clock = now === undefined ? Date.now : () => now;
    const text = textOf(input);
    if (text === undefined) return refused('assertion_missing');
    const assertion = this.#signed.texts.get(text) ?? readAssertion(text);
    if (assertion.code !== undefined) return refused(assertion.code);
    const refresher = this.#refresher;
    if (refresher !== undefined) await refresher.refreshIfDue(clock, waitUntil);
    const verdict = await this.#check(text, assertion, requirements, clock());
    const mayHelp = refresher !== undefined && !verdict.ok && verdict.code === NOT_ALLOWED;
    return mayHelp && (await refresher.refreshFor(NOT_ALLOWED, clock)) ? this.#check(text, assertion, requirements, clock()) : verdict;
  }

  async authenticate(request, options) {
    if (typeof request !== 'object' || request === null) throw new TypeError('authenticate: the request is an object');
    const { scopes = [], salesChannel, ...rest } = readAuthenticate(options);
    const channel = typeof salesChannel === 'function' ? (salesChannel(request) ?? null) : (salesChannel ?? null);
    argument('authenticate', 'salesChannel', FACT, channel);
    const verdict = await this.#verifyInput(request, own(rest));
    const denied = verdict.ok ? denial(verdict.grant, scopes, channel) : verdict;
    return denied === undefined ? verdict : this.#withProblem(denied, scopes, own(rest).now ?? Date.now());
  }

  adopt(keyring) {
    return this.#held.offer(argument('adopt', 'keyring', BYTES, keyring));
  }

  async refresh(options) {
    const { now } = readRefresh(options);
    if (this.#refresher === undefined) {
      throw new PortcullisError('source_missing', 'this verifier was made without a `source`');
    }
    await this.#refresher.run(() => now ?? Date.now());
    return this.status();
  }

  status() {
    const { keyring } = this.#held;
    return {
      issuer: keyring === undefined ? null : `iss_${base62(keyring.issuer)}`,
      keyring: keyring === undefined ? null : { version: keyring.version, notAfter: Number(keyring.notAfter) },
      lastError: this.#refresher?.lastError ?? null,
    };
  }

  // The checks of docs/assertion.md in their order, with the keyring that is held now.
  async #check(text, assertion, requirements, now) {
    const { keyring } = this.#held;
    if (keyring === undefined) return refused('keyring_missing');
    if (!sameBytes(assertion.issuer, keyring.issuer)) return refused('assertion_foreign_issuer');
    const signer = keyring.signers.get(assertion.kid);
    const maySign = signer?.purpose === ASSERTION && signer.algorithm === ED25519
      && countsAt(signer, BigInt(Math.floor(now))) && this.#held.isInForce(now);
    if (!maySign) return refused(NOT_ALLOWED, `kid ${assertion.kid} may not sign assertions now; fetch the keyring again`);
    if (!(await this.#isSigned(text, assertion, keyring, signer.key))) return refused('assertion_bad_signature');
    if (!this.#audiences.has(assertion.audience)) return refused('assertion_wrong_audience');
    if (!isInTime(assertion, Math.floor(now))) return refused('assertion_out_of_time');
    const accepted = acceptedOf(assertion);
    const { kind, environment } = accepted.key;
    if (requirements.kind !== 0 && requirements.kind !== assertion.kind) {
      return refused('wrong_kind', `a ${KINDS[requirements.kind]} key is needed here, this one is ${kind}`);
    }
    if (requirements.environment !== 0 && requirements.environment !== assertion.environment) {
      return refused('wrong_environment', `a ${ENVIRONMENTS[requirements.environment]} key is needed here, this one is for ${environment}`);
    }
    return accepted;
  }

  async #isSigned(text, assertion, keyring, key) {
    if (this.#signed.by !== keyring) this.#signed = { by: keyring, texts: new Map() };
    const { texts } = this.#signed;
    if (texts.has(text)) return true;
    const { message, signature } = assertion;
    if (!isStrict(signature)) return false;
    const good = (await verifyNatively({ key, message, signature })) ?? verifySignature(key, message, signature);
    if (good !== true) return false;
    if (texts.size >= REMEMBERED) texts.delete(texts.keys().next().value);
    texts.set(text, assertion);
    return true;
  }

  #withProblem(refusal, scopes, now) {
    const { code } = refusal;
    const closed = code === 'keyring_missing' || (code === NOT_ALLOWED && !this.#held.isInForce(now));
    const retryAfter = (this.#refresher?.pauseLeft(now) ?? 0) / 1000;
    const answer = closed || !code.startsWith('assertion_')
      // Without a valid keyring, answer as if the list were missing: 503.
      ? problemOf(closed ? { code: 'list_missing' } : refusal, this.#realm, scopes, retryAfter)
      : problem(403, 'no_assertion', 'The request did not come through the gate', 'Send it to the public address of this API.');
    return {
      ...refusal,
      problem: answer,
      get response() {
        return toResponse(answer);
      },
    };
  }
});

// The options that middleware over this verifier accepts. There is no `address`: the gate has
// already checked its networks against the client, and the origin doesn't know the client's
// address.
AssertionVerifier.prototype[REQUEST_OPTIONS] = ASSERTION_OPTIONS;

function refused(code, message = MESSAGES[code]) {
  return { ok: false, code, message };
}

function acceptedOf({ issuer, kind, environment, name, owner, policy, scopes, salesChannels, list, freshness, audience, issuedAt, expiresAt }) {
  return {
    ok: true,
    key: {
      name: `apk_${base62(name)}`,
      issuer: `iss_${base62(issuer)}`,
      kind: KINDS[kind],
      environment: ENVIRONMENTS[environment],
      owner: owner || null,
      policy: policy || null,
    },
    grant: { scopes: words(scopes, ' '), salesChannels: words(salesChannels, ',') },
    list: { number: Number(list), freshness },
    audience,
    issuedAt: issuedAt * 1000,
    expiresAt: expiresAt * 1000,
  };
}

function words(text, between) {
  return text === '' ? [] : text.split(between);
}

function denial(grant, scopes, salesChannel) {
  const granted = scopes.every((scope) => grant.scopes.some((held) => covers(held, scope)));
  if (!granted) return refused('scope_missing');
  const denied = salesChannel !== null && !grant.salesChannels.includes(salesChannel);
  return denied ? refused('sales_channel_denied') : undefined;
}

function isInTime({ issuedAt, expiresAt }, now) {
  const isShort = expiresAt > issuedAt && expiresAt - issuedAt <= LONGEST_LIFE_SECS;
  return isShort && issuedAt * 1000 <= now + SKEW_MS && now < expiresAt * 1000;
}

// The header's value, of a string, a `Request` or one of Node's requests; `undefined` if there is
// none.
function textOf(input) {
  if (typeof input === 'string') return input;
  if (input === undefined || input === null) return undefined;
  if (typeof input === 'object') return reader(property(input, 'headers'))(HEADER);
  throw new TypeError('verify: the value of the header, or a request');
}

function audiencesOf(audience) {
  const all = typeof audience === 'string' ? [audience] : listOf(audience);
  const good = all?.length > 0 && all.every((one) => typeof one === 'string' && AUDIENCE.test(one));
  return good ? new Set(all) : undefined;
}
