/**
 * Verifies Portcullis API keys without a network call, against one signed revocation list.
 *
 * ```js
 * import { createVerifier, httpSource } from 'portcullis';
 *
 * const verifier = createVerifier({ root: 'AbC…', source: httpSource('https://keys.example.com') });
 * await verifier.refresh();
 *
 * const verdict = verifier.verify(token, { kind: 'publishable', environment: 'live' });
 * if (verdict.ok) serve(verdict.key.owner);
 * else refuse(verdict.code);
 * ```
 *
 * All instants are milliseconds since 1970 (`Date.now()`), all durations milliseconds.
 *
 * Options are passed as one plain object. An unknown option, or a value of the wrong type (`null`
 * included), throws a `TypeError`; at start-up if the value is known then. `undefined` counts as
 * not set.
 */

/** What a key is made for: servers (`sk_…`), or web pages and apps (`pk_…`). */
export type Kind = 'secret' | 'publishable';

/** The environment in which a key is valid. */
export type Environment = 'live' | 'test';

/**
 * The algorithm that proves a key. An HMAC key can be verified only with its secret, an Ed25519 key
 * by any verifier.
 */
export type Algorithm = 'hmac-sha256-128' | 'ed25519';

/**
 * The contents of an accepted key. All but the name are own properties: `{ ...key }` copies them,
 * `JSON.stringify(key)` and {@link Key.toJSON} return them together with the name.
 */
export interface Key {
  /**
   * The public name, for logs and support: `apk_` and 22 characters. It proves nothing. A getter
   * that computes the name on each access, which takes half a microsecond.
   */
  readonly name: string;
  /** `iss_` and 22 characters. */
  issuer: string;
  kind: Kind;
  environment: Environment;
  algorithm: Algorithm;
  /** The signer's number in the keyring. */
  kid: number;
  /** The key's index in the revocation list. */
  serial: number;
  issuedAt: number;
  /** The first instant at which the key is refused; `null` if it never expires. */
  expiresAt: number | null;
  /** The number of the owner (tenant); `null` if there is none. */
  owner: number | null;
  /** The number of the key's policy; `null` if there is none. */
  policy: number | null;
  /** The own properties and the name. */
  toJSON(): Omit<Key, 'toJSON'>;
}

/** Identifies a list and says how old it is. */
export interface ListFacts {
  /** Only a keyring raises it. */
  epoch: number;
  /** Grows with every list of an epoch. Exact up to 2^53. */
  number: number;
  /** Milliseconds since `thisUpdate`. */
  ageMs: number;
  /** Every revocation committed before this instant is in the list. */
  thisUpdate: number;
  /** From this instant on, every key is refused until a newer list is adopted. */
  nextUpdate: number;
}

/** A list that keys are verified against: `fresh` up to the age `freshFor`, `stale` above it. */
export interface CurrentList extends ListFacts {
  freshness: 'fresh' | 'stale';
}

/** A list that is held, but that no key may be accepted by. The refusal's code says why. */
export interface OutdatedList extends ListFacts {
  freshness: 'unknown';
}

/** No list is held. */
export interface NoList {
  freshness: 'unknown';
  epoch: null;
  number: null;
  ageMs: null;
  thisUpdate: null;
  nextUpdate: null;
}

/** The list, and its state at the instant of the call. */
export type List = CurrentList | OutdatedList | NoList;

/** The key is authentic, not revoked, not expired, and of the required kind and environment. */
export interface Accepted {
  ok: true;
  key: Key;
  list: CurrentList;
}

/** What a key's policy grants. Everything is empty if the key has no policy. */
export interface Grant {
  /** Scopes such as `orders:read`, with wildcards for segments: `orders:*`. See {@link covers}. */
  scopes: string[];
  salesChannels: string[];
  /** A label by which to look up your rate limits. The verifier itself limits nothing. */
  rateClass: string | null;
}

/** An accepted key whose policy allows the request. */
export interface Admitted extends Accepted {
  grant: Grant;
}

/** The key is refused. Nothing that its text says is verified, so the verdict contains none of it. */
export interface Refused {
  ok: false;
  /** For your logs. Tell the client no more than "unauthorized". */
  code: RefusalCode;
  /** The reason as a sentence. */
  message: string;
  list: List;
}

/** The result of {@link Verifier.verify}. Check `ok` first. */
export type Verdict = Accepted | Refused;

/**
 * The facts of a request that a policy can restrict. A fact that is left out is unknown, and a
 * policy that restricts it refuses the request.
 */
export interface RequestFacts {
  /** The client's IP address. Take it from the platform, never from a header that a client can set. */
  address?: string | null;
  /** The `Origin` header. */
  origin?: string | null;
  method?: string | null;
  /** The path as received: not decoded, without the query. */
  path?: string | null;
  /** All scopes that the request needs, without wildcards. Empty if it needs none. */
  scopes?: Iterable<string> | string;
  /** The sales channel that the request concerns. */
  salesChannel?: string | null;
}

/** Why a key is refused. The union is closed: a `switch` over it can be exhaustive. */
export type RefusalCode =
  // The text is no key: noise, or a mistake in copying.
  | 'malformed_empty'
  | 'malformed_too_long'
  | 'malformed_character'
  | 'malformed_prefix'
  | 'malformed_length'
  | 'malformed_overflow'
  | 'malformed_checksum'
  | 'malformed_version'
  | 'malformed_fields'
  // The text has the form of a key, but the issuer doesn't vouch for it.
  | 'foreign_label'
  | 'foreign_list'
  | 'unknown_kid'
  | 'signer_not_allowed'
  | 'bad_signature'
  // An HMAC key whose secret this verifier doesn't hold. Its issuer's gates can verify it.
  | 'secret_not_held'
  // The key was valid once.
  | 'revoked'
  | 'suspended'
  | 'expired'
  // The issuer changed something for the key, and the list lacks what, or may not change it.
  | 'assignment_missing'
  | 'assignment_not_allowed'
  // The key is valid, but not of the required kind or environment.
  | 'wrong_kind'
  | 'wrong_environment'
  // The key is valid, but its policy does not allow the request.
  | 'policy_missing'
  | 'address_denied'
  | 'origin_denied'
  | 'method_denied'
  | 'path_denied'
  | 'scope_missing'
  | 'sales_channel_denied'
  // The key's policy is not held. `refresh` and `authenticate` fetch it.
  | 'policy_unavailable'
  // The policy says something that this version of the package doesn't know. Update the package.
  | 'policy_too_new'
  // What the issuer changed for the key is not held. `refresh` and `authenticate` fetch it.
  | 'assignment_unavailable'
  // What it changed is new to this version of the package. Update the package.
  | 'assignment_too_new'
  // This verifier can't verify the key now. `refresh` may help.
  | 'not_covered'
  | 'list_missing'
  | 'list_past_next_update'
  | 'list_from_the_future'
  | 'keyring_expired';

/** The reason why a call throws. An invalid key never causes an exception. */
export type ErrorCode =
  // The root or the secrets were refused.
  | 'root_unreadable'
  | 'root_not_canonical'
  | 'root_small_order'
  | 'secret_length'
  | 'secret_without_kid'
  | 'secret_wrong'
  // A keyring was refused. The held one stays in use.
  | 'keyring_unreadable'
  | 'keyring_not_signed_by_root'
  | 'keyring_foreign_issuer'
  | 'keyring_rollback'
  | 'keyring_equivocation'
  | 'keyring_missing'
  | 'keyring_behind'
  | 'keyring_expired'
  // A list was refused. The held one stays in use.
  | 'list_unreadable'
  // The list says something that this version of the package doesn't know. Update the package.
  | 'list_too_new'
  | 'list_foreign_issuer'
  | 'list_unknown_kid'
  | 'list_bad_signature'
  | 'list_wrong_epoch'
  | 'list_rollback'
  | 'list_equivocation'
  | 'list_from_the_future'
  | 'list_too_long_valid'
  | 'list_past_next_update'
  | 'list_wrong_digest'
  // There is no WebAssembly module, or the page's policy forbids it.
  | 'wasm_unavailable'
  // The source could not be read.
  | 'source_missing'
  | 'source_unreachable'
  | 'source_timeout'
  | 'source_status'
  | 'source_too_large';

/** Every error of the package, except for the `TypeError` for an argument of the wrong type. */
export class PortcullisError extends Error {
  readonly name: 'PortcullisError';
  readonly code: ErrorCode;
}

/**
 * Where a verifier's files come from. Implement it yourself for files, KV or R2. A source need not
 * be trusted.
 */
export interface Source {
  /**
   * Resolves to the file `name`: `stamp`, `keyring`, `bundle`, or a file named by its SHA-256 in
   * hexadecimal below `heads/`, `bodies/`, `policies/` or `private/` (policies of secret keys).
   * Rejects if the file is longer than `longest` bytes or can't be read; `status: 404` on the error
   * means that there is no such file.
   */
  get(name: string, longest: number): Promise<Uint8Array>;
}

/** Options of {@link httpSource}. */
export interface HttpSourceOptions {
  /** The timeout of one file, headers and body together. Default: 5,000 ms. */
  timeout?: number;
  /** Replaces the global `fetch`. */
  fetch?: (address: string, init: { signal: AbortSignal }) => Promise<Response>;
  /** Sent only with requests for the policies of secret keys, which an issuer serves to its gates only. */
  privateHeaders?: Record<string, string>;
}

/**
 * The files below `<url>/.well-known/portcullis/`, as the issuer serves them.
 *
 * @throws TypeError if `url` is not an http or https URL.
 */
export function httpSource(url: string | URL, options?: HttpSourceOptions): Source;

/** The secret of an HMAC key: 32 bytes, or 43 characters of base64url. */
export interface Secret {
  kid: number;
  secret: Uint8Array | ArrayBuffer | string;
}

/** Options of {@link createVerifier}. */
export interface VerifierOptions {
  /** The issuer's public root key, 43 characters, as `portcullis init` prints it. */
  root: string;
  /** A keyring document signed by that root, if you have one. */
  keyring?: Uint8Array | ArrayBuffer;
  /**
   * The secrets of HMAC keys: `secrets` in the output of `portcullis keyring export --gate`. Only
   * for servers and gates, because a secret is enough to make keys. They are copied into the
   * module. A secret whose kid is in no keyring yet is kept until a keyring lists it.
   */
  secrets?: Iterable<Secret>;
  /** Keyring and list in one file, if you have one. */
  bundle?: Uint8Array | ArrayBuffer;
  /** Where {@link Verifier.refresh} fetches from. */
  source?: Source;
  /**
   * The age up to which a list counts as fresh. Default: 5,000 ms. With a `source`, a list older
   * than half of that is refreshed in the background.
   */
  freshFor?: number;
  /**
   * How long {@link Verifier.authenticate} waits for a newer list when the held one is stale.
   * Default: 300 ms.
   */
  deadline?: number;
  /** How long it waits when no list is in force. Default: 3,000 ms. */
  coldDeadline?: number;
  /** The realm in `WWW-Authenticate`. Default: `portcullis`. */
  realm?: string;
  /** The time at which `bundle` is checked. Default: the current time. */
  now?: number | Date;
}

/** What a key must satisfy. */
export interface VerifyOptions {
  /** The time of the verification. Default: the current time. */
  now?: number | Date;
  /** Refuse keys of the other kind. */
  kind?: Kind;
  /** Refuse keys of the other environment. */
  environment?: Environment;
  /** See {@link VerifierOptions.freshFor}. */
  freshFor?: number;
  /**
   * Also check the key's policy against this request. Without it, no policy is read, and the
   * verdict has only the policy's number.
   */
  request?: RequestFacts;
}

/** The request that {@link Verifier.authenticate} takes: a `Request`, or one of Node's. */
export interface IncomingRequest {
  headers: { get(name: string): string | null } | Record<string, string | string[] | undefined>;
  method?: string | undefined;
  /** A URL, or the request target as received. */
  url?: string | undefined;
  /** The request target in Express. */
  originalUrl?: string | undefined;
}

/** What a request's key must satisfy. */
export interface AuthenticateOptions<R = IncomingRequest> {
  kind?: Kind;
  environment?: Environment;
  /** All scopes that the request needs. Empty if it needs none. */
  scopes?: Iterable<string> | string;
  /** The client's address. If it is unknown, a policy with networks refuses the request. */
  address?: string | null | ((request: R) => string | null | undefined);
  /** The sales channel that the request concerns. */
  salesChannel?: string | null | ((request: R) => string | null | undefined);
  /** Reads the key from somewhere other than the usual headers. Return `undefined` if there is none. */
  getKey?: (request: R) => string | null | undefined;
  /** Keeps a refresh alive after the response: `ctx.waitUntil.bind(ctx)` in a Worker. */
  waitUntil?: (promise: Promise<unknown>) => void;
  /** The time of the verification. Default: the current time. */
  now?: number | Date;
}

/** The reason why no key could be read from a request. */
export type CredentialCode = 'no_key' | 'malformed_authorization' | 'empty_key' | 'two_keys';

/** Status, headers and body for a refusal, for hosts without a `Response`. */
export interface Problem {
  status: number;
  headers: Record<string, string>;
  /** JSON (RFC 9457). It never reveals which part of a guess was right. */
  body: string;
}

/** A refused request, and the response to send. */
export interface Rejected {
  ok: false;
  /** For your logs. */
  code: RefusalCode | CredentialCode;
  message: string;
  list: List;
  problem: Problem;
  /** The problem as a `Response` (RFC 6750). Each access makes a new one. */
  readonly response: Response;
}

/** The result of {@link Verifier.authenticate}. Check `ok` first. */
export type Authentication = Admitted | Rejected;

/** What a verifier holds. */
export interface Status {
  /** `null` before the first keyring. */
  issuer: string | null;
  keyring: { version: number; notAfter: number } | null;
  list: List;
  /** Kids of secrets that no keyring lists yet. */
  waitingSecrets: number[];
  /** Why the last refresh failed; `null` if it succeeded. */
  lastError: Error | null;
}

/**
 * Verifies the keys of one issuer. Make one and keep it. Its state is in the WebAssembly module,
 * and there is nothing to free.
 */
export interface Verifier {
  /**
   * Verifies a key synchronously and without a network call. Any string that is no key is refused
   * like an invalid key, whatever its length and characters.
   *
   * With a `source`, a verdict by a list older than half of `freshFor` starts a refresh in the
   * background; not in workerd, where the refresh would end with its request.
   *
   * @throws TypeError if `token` is not a string, or an option is misspelt or of the wrong type.
   */
  verify(token: string, options: VerifyOptions & { request: RequestFacts }): Admitted | Refused;
  verify(token: string, options?: VerifyOptions): Verdict;

  /**
   * Reads a request's key, verifies it, and checks its policy against the request. The key is read
   * from `Authorization: Bearer` or `Basic`, `X-API-Key` or `x-publishable-api-key`. If the request
   * carries both a secret and a publishable key, the one of the required `kind` is used, by default
   * the secret one.
   *
   * With a `source` it keeps the gate's two bounds: a list older than `freshFor` is refreshed
   * first, for at most `deadline`; and past the list's next update no key is accepted, whether or
   * not the network works.
   *
   * @throws TypeError if an option is misspelt. Never for an invalid key or request.
   */
  authenticate<R extends IncomingRequest>(request: R, options?: AuthenticateOptions<R>): Promise<Authentication>;

  /**
   * Adopts keyring and list from a bundle if they are newer. Returns whether anything was newer.
   *
   * @throws PortcullisError if either is refused. What was held stays in use.
   */
  adopt(bundle: Uint8Array | ArrayBuffer, options?: { now?: number | Date }): boolean;

  /**
   * Fetches newer files from the `source`; 154 bytes if there are none. Call it before the first
   * key, and then every second or every few seconds, in the background rather than during a
   * request. Concurrent calls share their fetches, except in workerd, where a request can't wait
   * for another's.
   *
   * Resolves to the list that is then held.
   *
   * @throws PortcullisError if a file can't be fetched or is refused. What was held stays in use.
   */
  refresh(options?: { now?: number | Date }): Promise<List>;

  /** What the verifier holds, and whether keys can be verified with it. */
  status(options?: { now?: number | Date; freshFor?: number }): Status;
}

/**
 * Makes a verifier that pins `root`. Without a bundle, it refuses every key with `list_missing`
 * until the first refresh.
 *
 * @throws PortcullisError if root, keyring, secrets or bundle are refused.
 * @throws TypeError if an option has the wrong type.
 */
export function createVerifier(options: VerifierOptions): Verifier;

/** Whether a grant covers a scope: `orders:*` covers `orders:read`, but not `orders`. */
export function covers(grant: string, scope: string): boolean;
