/**
 * For the origin behind a gate: judges the `portcullis-assertion` header, in which the gate tells it,
 * signed, who is calling. So the origin need not trust the network in between.
 *
 * ```js
 * const assertions = createAssertionVerifier({
 *   root: 'AbC…',
 *   source: httpSource('https://keys.example.com'),
 *   audience: 'origin.example',
 * });
 * const verdict = await assertions.verify(request);
 * if (verdict.ok) serve(verdict.key.owner);
 * else refuse(verdict.code);
 * ```
 *
 * It can stand in a verifier's place in every middleware: `apiKey(assertions)`, `protect(assertions, …)`.
 */

import type { Environment, IncomingRequest, Kind, Problem, Source } from '../index.js';

export { covers, httpSource, PortcullisError } from '../index.js';
export type { Environment, ErrorCode, HttpSourceOptions, IncomingRequest, Kind, Problem, Source } from '../index.js';

/** What {@link createAssertionVerifier} is made from. */
export interface AssertionVerifierOptions {
  /** The issuer's public root key, 43 characters, as `portcullis init` prints it. */
  root: string;
  /**
   * Whom assertions must be for: host, and port where there is one, of the gate's `ORIGIN_URL`, as it
   * is written there. More than one where gates reach this origin by more than one address.
   */
  audience: string | Iterable<string>;
  /** A keyring document signed by that root, where it is at hand. */
  keyring?: Uint8Array | ArrayBuffer;
  /** Where the keyring is fetched from: `httpSource(url)` of the issuer, or of wherever it publishes to. */
  source?: Source;
  /**
   * How long a keyring is used before a newer one is asked for. 30,000 ms unless told. From half of
   * that age on one is fetched behind the verdicts; past it a verdict waits for it. So a signer that
   * the issuer retires is refused after this time plus `deadline`, if the source can be had.
   */
  freshFor?: number;
  /** How long a verdict waits for a newer keyring than the one that is held. 300 ms unless told. */
  deadline?: number;
  /** The same where none is held, or it has expired. 3,000 ms unless told. */
  coldDeadline?: number;
  /** What `WWW-Authenticate` names. `portcullis` unless told. */
  realm?: string;
}

/** What is asked of an assertion. */
export interface AssertionVerifyOptions {
  /** The instant to judge at. The clock's time unless told. */
  now?: number | Date;
  /** Refuse keys of the other kind. */
  kind?: Kind;
  /** Refuse keys of the other environment. */
  environment?: Environment;
  /** Keeps a fetch of the keyring alive behind the answer: `ctx.waitUntil.bind(ctx)` in a Worker. */
  waitUntil?: (promise: Promise<unknown>) => void;
}

/** The same, and what is asked of the policy's grant. */
export interface AssertionAuthenticateOptions<R = IncomingRequest> extends AssertionVerifyOptions {
  /** The scopes that the request needs, all of them. It needs none when the list is empty. */
  scopes?: Iterable<string> | string;
  /** The sales channel that the request is about. */
  salesChannel?: string | null | ((request: R) => string | null | undefined);
}

/** What a gate asserts of a key. */
export interface AssertedKey {
  /** `apk_…`: what support and logs call it. */
  name: string;
  /** `iss_…` */
  issuer: string;
  kind: Kind;
  environment: Environment;
  /** The owner's (tenant's) number; `null` for none. */
  owner: number | null;
  /** The number of the key's policy; `null` for none. */
  policy: number | null;
}

/** The gate has admitted the request's key, and said so to this origin, a moment ago. */
export interface Asserted {
  ok: true;
  key: AssertedKey;
  /** What the key's policy grants. Both are empty for a key without one. */
  grant: {
    /** `orders:read`, and wildcards by segment: `orders:*`. See {@link covers}. */
    scopes: string[];
    salesChannels: string[];
  };
  /** The list that the gate judged by: its number, exact up to 2^53, and whether it was fresh. */
  list: { number: number; standing: 'fresh' | 'stale' };
  /** The one of the options that it is for. */
  audience: string;
  /** When the gate signed it. */
  issuedAt: number;
  /** The first instant at which it is refused. */
  expiresAt: number;
}

/** Why an assertion is refused. The union is closed: a `switch` over it can be exhaustive. */
export type AssertionCode =
  // The request has none: it did not come through the gate.
  | 'assertion_missing'
  // The checks of docs/assertion.md, in their order.
  | 'assertion_malformed'
  | 'assertion_unreadable'
  | 'assertion_foreign_issuer'
  | 'assertion_signer_not_allowed'
  | 'assertion_bad_signature'
  | 'assertion_wrong_audience'
  | 'assertion_out_of_time'
  // It is good, and not what was asked for.
  | 'wrong_kind'
  | 'wrong_environment'
  | 'scope_missing'
  | 'sales_channel_denied'
  // None can be judged now; `refresh` may help.
  | 'keyring_missing';

/** The assertion is refused. Nothing that it says may be believed, so nothing of it is told. */
export interface AssertionRefused {
  ok: false;
  /** For your logs. */
  code: AssertionCode;
  /** The same in a sentence. */
  message: string;
}

/** What {@link AssertionVerifier.verify} resolves to: test `ok`. */
export type AssertionVerdict = Asserted | AssertionRefused;

/** A request that is refused, and what to answer. */
export interface AssertionRejected extends AssertionRefused {
  problem: Problem;
  /** The same as a `Response`, a new one each time it is read. */
  readonly response: Response;
}

/** What {@link AssertionVerifier.authenticate} resolves to: test `ok`. */
export type AssertionAuthentication = Asserted | AssertionRejected;

/** What an assertion verifier holds. */
export interface AssertionStatus {
  /** `null` before the first keyring. */
  issuer: string | null;
  keyring: { version: number; notAfter: number } | null;
  /** Why the last fetch failed, `null` where it did not. */
  lastError: Error | null;
}

/** Judges the assertions of one issuer's gates for one origin. Make one and keep it. */
export interface AssertionVerifier {
  /**
   * Judges the header's value, or that of a request: a `Request`, one of Node's, or `undefined` where
   * there is no such header. Every doubt is a "no".
   *
   * With a `source` it fetches the first keyring itself, and keeps it current. An assertion that was
   * seen before costs no second signature check.
   *
   * @throws TypeError where an option is misspelt. Never for a bad assertion or request.
   */
  verify(input: string | IncomingRequest | null | undefined, options?: AssertionVerifyOptions): Promise<AssertionVerdict>;

  /**
   * The same of a request, with the scopes and the sales channel that it needs, and with the answer
   * where it is refused: what middleware calls.
   *
   * @throws TypeError where an option is misspelt. Never for a bad assertion or request.
   */
  authenticate<R extends IncomingRequest>(
    request: R,
    options?: AssertionAuthenticateOptions<R>,
  ): Promise<AssertionAuthentication>;

  /**
   * Takes a keyring, if it is newer. `true` where it was news.
   *
   * @throws PortcullisError where it is refused. What was held stays.
   */
  adopt(keyring: Uint8Array | ArrayBuffer): boolean;

  /**
   * Fetches the keyring now. Nobody has to call it; a server that does before it listens knows that its
   * source and root are right.
   *
   * @throws PortcullisError where the keyring can't be had or is refused. What was held stays.
   */
  refresh(options?: { now?: number | Date }): Promise<AssertionStatus>;

  /** What is held. */
  status(): AssertionStatus;
}

/**
 * A verifier that pins `root`. Without a keyring, or before the first that it fetches, it refuses
 * every assertion with `keyring_missing`.
 *
 * @throws PortcullisError where root or keyring are refused.
 * @throws TypeError where an option has the wrong type.
 */
export function createAssertionVerifier(options: AssertionVerifierOptions): AssertionVerifier;
