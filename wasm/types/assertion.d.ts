/**
 * For the origin behind a gate: verifies the `portcullis-assertion` header, the gate's signed
 * statement about the caller. So the origin need not trust the network between gate and origin.
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
 * Every middleware takes it in place of a verifier: `apiKey(assertions)`, `protect(assertions, …)`.
 */

import type { Environment, IncomingRequest, Kind, Problem, Source } from '../index.js';

export { covers, httpSource, PortcullisError } from '../index.js';
export type { Environment, ErrorCode, HttpSourceOptions, IncomingRequest, Kind, Problem, Source } from '../index.js';

/** Options of {@link createAssertionVerifier}. */
export interface AssertionVerifierOptions {
  /** The issuer's public root key, 43 characters, as `portcullis init` prints it. */
  root: string;
  /**
   * The audience that assertions must name: the host, with the port if there is one, of the gate's
   * `ORIGIN_URL`, spelled as there. Pass several if gates reach this origin by several addresses.
   */
  audience: string | Iterable<string>;
  /** A keyring document signed by that root, if you have one. */
  keyring?: Uint8Array | ArrayBuffer;
  /**
   * Where the keyring is fetched from: `httpSource(url)` with the issuer's address, or the address
   * that it publishes to.
   */
  source?: Source;
  /**
   * How long a keyring is used before a newer one is fetched. Default: 30,000 ms. From half of that
   * age on, it is refreshed in the background; past it, a verification waits for the refresh. So a
   * signer that the issuer retires is refused after this time plus `deadline`, if the source can be
   * reached.
   */
  freshFor?: number;
  /** How long a verification waits for a newer keyring while one is held. Default: 300 ms. */
  deadline?: number;
  /** How long it waits if none is held, or the held one has expired. Default: 3,000 ms. */
  coldDeadline?: number;
  /** The realm in `WWW-Authenticate`. Default: `portcullis`. */
  realm?: string;
}

/** What an assertion must satisfy. */
export interface AssertionVerifyOptions {
  /** The time of the verification. Default: the current time. */
  now?: number | Date;
  /** Refuse keys of the other kind. */
  kind?: Kind;
  /** Refuse keys of the other environment. */
  environment?: Environment;
  /** Keeps a fetch of the keyring alive after the response: `ctx.waitUntil.bind(ctx)` in a Worker. */
  waitUntil?: (promise: Promise<unknown>) => void;
}

/** The same, with what the policy's grant must contain. */
export interface AssertionAuthenticateOptions<R = IncomingRequest> extends AssertionVerifyOptions {
  /** All scopes that the request needs. Empty if it needs none. */
  scopes?: Iterable<string> | string;
  /** The sales channel that the request concerns. */
  salesChannel?: string | null | ((request: R) => string | null | undefined);
}

/** The facts of a key that a gate asserts. */
export interface AssertedKey {
  /** `apk_…`, the key's name in logs and support. */
  name: string;
  /** `iss_…` */
  issuer: string;
  kind: Kind;
  environment: Environment;
  /** The number of the owner (tenant); `null` if there is none. */
  owner: number | null;
  /** The number of the key's policy; `null` if there is none. */
  policy: number | null;
}

/** The gate admitted the request's key and signed an assertion about it for this origin. */
export interface Asserted {
  ok: true;
  key: AssertedKey;
  /** What the key's policy grants. Both are empty if the key has no policy. */
  grant: {
    /** Scopes such as `orders:read`, with wildcards for segments: `orders:*`. See {@link covers}. */
    scopes: string[];
    salesChannels: string[];
  };
  /** The list by which the gate verified the key: its number, exact up to 2^53, and whether it was fresh. */
  list: { number: number; freshness: 'fresh' | 'stale' };
  /** The one of the configured audiences that the assertion names. */
  audience: string;
  /** When the gate signed it. */
  issuedAt: number;
  /** The first instant at which the assertion is refused. */
  expiresAt: number;
}

/** The reason why an assertion is refused. The union is closed: a `switch` over it can be exhaustive. */
export type AssertionCode =
  // The request has no assertion: it did not come through the gate.
  | 'assertion_missing'
  // The checks of docs/assertion.md, in their order.
  | 'assertion_malformed'
  | 'assertion_unreadable'
  | 'assertion_foreign_issuer'
  | 'assertion_signer_not_allowed'
  | 'assertion_bad_signature'
  | 'assertion_wrong_audience'
  | 'assertion_out_of_time'
  // The assertion is valid, but does not satisfy the options.
  | 'wrong_kind'
  | 'wrong_environment'
  | 'scope_missing'
  | 'sales_channel_denied'
  // No assertion can be verified now. `refresh` may help.
  | 'keyring_missing';

/** The assertion is refused. Nothing that it says is verified, so the verdict contains none of it. */
export interface AssertionRefused {
  ok: false;
  /** For your logs. */
  code: AssertionCode;
  /** The reason as a sentence. */
  message: string;
}

/** The result of {@link AssertionVerifier.verify}. Check `ok` first. */
export type AssertionVerdict = Asserted | AssertionRefused;

/** A refused request, and the response to send. */
export interface AssertionRejected extends AssertionRefused {
  problem: Problem;
  /** The problem as a `Response`. Each access makes a new one. */
  readonly response: Response;
}

/** The result of {@link AssertionVerifier.authenticate}. Check `ok` first. */
export type AssertionAuthentication = Asserted | AssertionRejected;

/** What an assertion verifier holds. */
export interface AssertionStatus {
  /** `null` before the first keyring. */
  issuer: string | null;
  keyring: { version: number; notAfter: number } | null;
  /** Why the last fetch failed; `null` if it succeeded. */
  lastError: Error | null;
}

/** Verifies the assertions of one issuer's gates for one origin. Make one and keep it. */
export interface AssertionVerifier {
  /**
   * Verifies the header's value, or that of a request: a `Request` or one of Node's. `undefined`
   * means that there is no such header. In any doubt the assertion is refused.
   *
   * With a `source`, the verifier fetches the first keyring itself and keeps it current. The
   * signature of an assertion that was seen before is not verified again.
   *
   * @throws TypeError if an option is misspelt. Never for an invalid assertion or request.
   */
  verify(input: string | IncomingRequest | null | undefined, options?: AssertionVerifyOptions): Promise<AssertionVerdict>;

  /**
   * Like `verify` for a request, but also checks the scopes and the sales channel that it needs,
   * and adds the response to a refusal. Middleware calls this.
   *
   * @throws TypeError if an option is misspelt. Never for an invalid assertion or request.
   */
  authenticate<R extends IncomingRequest>(
    request: R,
    options?: AssertionAuthenticateOptions<R>,
  ): Promise<AssertionAuthentication>;

  /**
   * Adopts a keyring if it is newer. Returns whether it was newer.
   *
   * @throws PortcullisError if it is refused. What was held stays in use.
   */
  adopt(keyring: Uint8Array | ArrayBuffer): boolean;

  /**
   * Fetches the keyring now. Calling it is optional: a server that calls it before it listens knows
   * that its source and root are right.
   *
   * @throws PortcullisError if the keyring can't be fetched or is refused. What was held stays in
   * use.
   */
  refresh(options?: { now?: number | Date }): Promise<AssertionStatus>;

  /** What the verifier holds. */
  status(): AssertionStatus;
}

/**
 * Makes a verifier that pins `root`. Without a keyring, it refuses every assertion with
 * `keyring_missing` until it has fetched one.
 *
 * @throws PortcullisError if root or keyring are refused.
 * @throws TypeError if an option has the wrong type.
 */
export function createAssertionVerifier(options: AssertionVerifierOptions): AssertionVerifier;
