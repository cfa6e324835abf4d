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
 * Options are one plain object of the caller's own. A name that a call does not know, and a value of another
 * type, null among them, is a `TypeError`: at start-up, if the value is known there. `undefined` is not given.
 */

/** Who a key is made for: servers (`sk_…`), or web pages and apps (`pk_…`). */
export type Kind = 'secret' | 'publishable';

/** Where a key counts. */
export type Environment = 'live' | 'test';

/**
 * How a key is proved. An HMAC key can be judged only by who holds its secret; an Ed25519 key by
 * anybody.
 */
export type Algorithm = 'hmac-sha256-128' | 'ed25519';

/**
 * What an accepted key says. All but the name are fields of the object's own: `{ ...key }` copies
 * them, `JSON.stringify(key)` and {@link Key.toJSON} give them together with the name.
 */
export interface Key {
  /**
   * Its public name, for logs and support: `apk_` and 22 characters. It proves nothing. A getter,
   * which works it out each time: half a microsecond that a key whose name nobody asks for is spared.
   */
  readonly name: string;
  /** `iss_` and 22 characters. */
  issuer: string;
  kind: Kind;
  environment: Environment;
  algorithm: Algorithm;
  /** The signer's number in the keyring. */
  kid: number;
  /** The key's place in the revocation list. */
  serial: number;
  issuedAt: number;
  /** The first instant at which the key is refused; `null` for never. */
  expiresAt: number | null;
  /** The owner's (tenant's) number; `null` for none. */
  owner: number | null;
  /** The number of the key's policy; `null` for none. */
  policy: number | null;
  /** The fields and the name. */
  toJSON(): Omit<Key, 'toJSON'>;
}

/** Which list, and how old its knowledge is. */
export interface ListFacts {
  /** Raised only by a keyring. */
  epoch: number;
  /** Grows with every list of an epoch. Exact up to 2^53. */
  number: number;
  /** Milliseconds since `thisUpdate`. */
  ageMs: number;
  /** Every revocation committed before this instant is in the list. */
  thisUpdate: number;
  /** From this instant on every key is refused, unless a newer list is adopted. */
  nextUpdate: number;
}

/** A list that may be judged by: `fresh` up to the age `freshFor`, `stale` above it. */
export interface CurrentList extends ListFacts {
  standing: 'fresh' | 'stale';
}

/** A list that is held and may not be judged by: see the code of the refusal. */
export interface OutdatedList extends ListFacts {
  standing: 'unknown';
}

/** No list is held. */
export interface NoList {
  standing: 'unknown';
  epoch: null;
  number: null;
  ageMs: null;
  thisUpdate: null;
  nextUpdate: null;
}

/** The list as it stands at the instant that was asked about. */
export type List = CurrentList | OutdatedList | NoList;

/** The key is authentic, not revoked, not expired, and of the kind and environment asked for. */
export interface Accepted {
  ok: true;
  key: Key;
  list: CurrentList;
}

/** What a key's policy grants. All of it is empty for a key without one. */
export interface Grant {
  /** `orders:read`, and wildcards by segment: `orders:*`. See {@link covers}. */
  scopes: string[];
  salesChannels: string[];
  /** A label that your rate limits are looked up by; it denies nothing here. */
  rateClass: string | null;
}

/** An accepted key whose policy allows the request that was asked about. */
export interface Admitted extends Accepted {
  grant: Grant;
}

/** The key is refused. Nothing that it says may be believed, so nothing of it is told. */
export interface Refused {
  ok: false;
  /** For your logs. A client should be told no more than "unauthorized". */
  code: RefusalCode;
  /** The same in a sentence. */
  message: string;
  list: List;
}

/** What {@link Verifier.verify} answers: test `ok`. */
export type Verdict = Accepted | Refused;

/**
 * The facts of a request that a policy may speak of. One that is left out is not known: where the
 * policy restricts it, that is a refusal.
 */
export interface RequestFacts {
  /** The client's IP address, from the platform, never from a header that a client may set. */
  address?: string | null;
  /** The `Origin` header. */
  origin?: string | null;
  method?: string | null;
  /** The path as it was received: not decoded, without the query. */
  path?: string | null;
  /** The scopes that the request needs, all of them; no wildcards. It needs none when the list is empty. */
  scopes?: Iterable<string> | string;
  /** The sales channel that the request is about. */
  salesChannel?: string | null;
}

/** Why a key is refused. The union is closed: a `switch` over it can be exhaustive. */
export type RefusalCode =
  // The text is no key: an attacker's noise, or a mistake in copying.
  | 'malformed_empty'
  | 'malformed_too_long'
  | 'malformed_character'
  | 'malformed_prefix'
  | 'malformed_length'
  | 'malformed_overflow'
  | 'malformed_checksum'
  | 'malformed_version'
  | 'malformed_fields'
  // It is a key, and not one that the issuer vouches for.
  | 'foreign_label'
  | 'foreign_list'
  | 'unknown_kid'
  | 'signer_not_allowed'
  | 'bad_signature'
  // An HMAC key whose secret is not held here: its issuer's gates can judge it, this verifier can't.
  | 'secret_not_held'
  // It was good once.
  | 'revoked'
  | 'suspended'
  | 'expired'
  // It is good, and not what was asked for.
  | 'wrong_kind'
  | 'wrong_environment'
  // It is good, and its policy does not allow the request.
  | 'policy_missing'
  | 'address_denied'
  | 'origin_denied'
  | 'method_denied'
  | 'path_denied'
  | 'scope_missing'
  | 'sales_channel_denied'
  // Its policy is not held; `refresh` fetches it, and so does `authenticate`.
  | 'policy_unavailable'
  // This verifier can't judge the key now; `refresh` may help.
  | 'not_covered'
  | 'list_missing'
  | 'list_past_next_update'
  | 'list_from_the_future'
  | 'keyring_expired';

/** Why a call throws. Bad keys never do. */
export type ErrorCode =
  // What was pinned or configured.
  | 'root_unreadable'
  | 'root_not_canonical'
  | 'root_small_order'
  | 'secret_length'
  | 'secret_without_kid'
  | 'secret_wrong'
  // A keyring was refused; the one that was held stays.
  | 'keyring_unreadable'
  | 'keyring_not_signed_by_root'
  | 'keyring_foreign_issuer'
  | 'keyring_rollback'
  | 'keyring_equivocation'
  | 'keyring_missing'
  | 'keyring_behind'
  | 'keyring_expired'
  // A list was refused; the one that was held stays.
  | 'list_unreadable'
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

/** What the package throws, apart from a `TypeError` for arguments of the wrong type. */
export class PortcullisError extends Error {
  readonly name: 'PortcullisError';
  readonly code: ErrorCode;
}

/**
 * Where a verifier's files come from. Write your own for files, KV or R2; it need not be trusted.
 */
export interface Source {
  /**
   * Gives the file `name`: `stamp`, `keyring`, `bundle`, or below `heads/`, `bodies/`, `policies/`
   * or `private/` (policies of secret keys) the one with that SHA-256 in hexadecimal.
   * Rejects where it is longer than `longest` bytes or can't be had; `status: 404` on the error
   * says that there is none.
   */
  get(name: string, longest: number): Promise<Uint8Array>;
}

/** Settings of {@link httpSource}. */
export interface HttpSourceOptions {
  /** For one file, headers and body together. 5,000 ms unless told. */
  timeout?: number;
  /** Instead of the global `fetch`. */
  fetch?: (address: string, init: { signal: AbortSignal }) => Promise<Response>;
  /** Sent for the policies of secret keys alone, which an issuer gives to none but its gates. */
  privateHeaders?: Record<string, string>;
}

/**
 * The files below `<url>/.well-known/portcullis/`, as the issuer serves them.
 *
 * @throws TypeError where `url` is no http or https address.
 */
export function httpSource(url: string | URL, options?: HttpSourceOptions): Source;

/** The secret of an HMAC key: 32 bytes, or 43 characters of base64url. */
export interface Secret {
  kid: number;
  secret: Uint8Array | ArrayBuffer | string;
}

/** What {@link createVerifier} is made from. */
export interface VerifierOptions {
  /** The issuer's public root key, 43 characters, as `portcullis init` prints it. */
  root: string;
  /** A keyring document signed by that root, where it is at hand. */
  keyring?: Uint8Array | ArrayBuffer;
  /**
   * The secrets of HMAC keys: the `secrets` of what `portcullis keyring export --gate` prints. Only
   * for servers and gates: who holds them can make keys. They are copied into the module; one whose
   * kid is in no keyring yet waits there for it.
   */
  secrets?: Iterable<Secret>;
  /** Keyring and list in one file, where it is at hand. */
  bundle?: Uint8Array | ArrayBuffer;
  /** Where {@link Verifier.refresh} fetches from. */
  source?: Source;
  /**
   * Up to this age a list is called fresh. 5,000 ms unless told. With a `source` a list of more than
   * half that age is refreshed behind the answer.
   */
  freshFor?: number;
  /** How long {@link Verifier.authenticate} waits for a newer list than a stale one. 300 ms unless told. */
  deadline?: number;
  /** The same where there is none that may be judged by. 3,000 ms unless told. */
  coldDeadline?: number;
  /** What `WWW-Authenticate` names. `portcullis` unless told. */
  realm?: string;
  /** When `bundle` is weighed. The clock's time unless told. */
  now?: number | Date;
}

/** What is asked of a key. */
export interface VerifyOptions {
  /** The instant to judge at. The clock's time unless told. */
  now?: number | Date;
  /** Refuse keys of the other kind. */
  kind?: Kind;
  /** Refuse keys of the other environment. */
  environment?: Environment;
  /** See {@link VerifierOptions.freshFor}. */
  freshFor?: number;
  /**
   * Hold the key's policy against this request. Without it no policy is looked at, and the key's
   * number is all that is told of it.
   */
  request?: RequestFacts;
}

/** What {@link Verifier.authenticate} takes: a `Request`, or one of Node's. */
export interface IncomingRequest {
  headers: { get(name: string): string | null } | Record<string, string | string[] | undefined>;
  method?: string | undefined;
  /** An address, or the target as it was received. */
  url?: string | undefined;
  /** Express has the target here. */
  originalUrl?: string | undefined;
}

/** What is asked of a request's key. */
export interface AuthenticateOptions<R = IncomingRequest> {
  kind?: Kind;
  environment?: Environment;
  /** The scopes that the request needs, all of them. It needs none when the list is empty. */
  scopes?: Iterable<string> | string;
  /** The client's address: policies with networks refuse where it is not known. */
  address?: string | null | ((request: R) => string | null | undefined);
  /** The sales channel that the request is about. */
  salesChannel?: string | null | ((request: R) => string | null | undefined);
  /** Reads the key from elsewhere than the headers above: `undefined` for none. */
  getKey?: (request: R) => string | null | undefined;
  /** Keeps a refresh alive behind the answer: `ctx.waitUntil.bind(ctx)` in a Worker. */
  waitUntil?: (promise: Promise<unknown>) => void;
  /** The instant to judge at. The clock's time unless told. */
  now?: number | Date;
}

/** Why no key could be read from a request. */
export type CredentialCode = 'no_key' | 'malformed_authorization' | 'empty_key' | 'two_keys';

/** Status, headers and body of a refusal, for hosts without a `Response`. */
export interface Problem {
  status: number;
  headers: Record<string, string>;
  /** RFC 9457, as JSON. It never tells which part of a guess was right. */
  body: string;
}

/** A request that is refused, and what to answer. */
export interface Rejected {
  ok: false;
  /** For your logs. */
  code: RefusalCode | CredentialCode;
  message: string;
  list: List;
  problem: Problem;
  /** The same as a `Response` (RFC 6750), a new one each time it is read. */
  readonly response: Response;
}

/** What {@link Verifier.authenticate} resolves to: test `ok`. */
export type Authentication = Admitted | Rejected;

/** What a verifier holds. */
export interface Status {
  /** `null` before the first keyring. */
  issuer: string | null;
  keyring: { version: number; notAfter: number } | null;
  list: List;
  /** Kids whose secrets were given and that no keyring has named yet. */
  waitingSecrets: number[];
  /** Why the last refresh failed, `null` where it did not. */
  lastError: Error | null;
}

/**
 * Judges the keys of one issuer. Make one and keep it: it holds its state in the WebAssembly
 * module, and there is nothing to free.
 */
export interface Verifier {
  /**
   * Judges a key, at once and without a network call. A string that is no key, of whatever length
   * and characters, is refused like any bad key.
   *
   * With a `source` a refresh goes out behind a verdict by a list of more than half `freshFor`,
   * except in workerd, where it would end with its request.
   *
   * @throws TypeError when `token` is not a string, or an option is misspelt or of another type.
   */
  verify(token: string, options: VerifyOptions & { request: RequestFacts }): Admitted | Refused;
  verify(token: string, options?: VerifyOptions): Verdict;

  /**
   * Reads a request's key (`Authorization: Bearer` or `Basic`, `X-API-Key`,
   * `x-publishable-api-key`; where a secret and a publishable one stand side by side, the one of the
   * `kind` that is asked for, else the secret one), judges it, and holds the request against its policy. With a `source`
   * it keeps the gate's two bounds: a list older than `freshFor` is refreshed first, for at most
   * `deadline`; past the list's next update nothing is accepted, whatever the network does.
   *
   * @throws TypeError where an option is misspelt. Never for a bad key or request.
   */
  authenticate<R extends IncomingRequest>(request: R, options?: AuthenticateOptions<R>): Promise<Authentication>;

  /**
   * Takes keyring and list from a bundle, if they are newer. `true` where anything was news.
   *
   * @throws PortcullisError where either is refused. What was held stays.
   */
  adopt(bundle: Uint8Array | ArrayBuffer, options?: { now?: number | Date }): boolean;

  /**
   * Fetches what is newer from the `source`: 154 bytes where nothing is. Call it before the first
   * key and then every second or few, behind your requests rather than in front of them. Calls at
   * the same time share their fetches, except in workerd, where a request can't wait for another.
   *
   * Resolves to the list that is then held.
   *
   * @throws PortcullisError where a file can't be had or is refused. What was held stays.
   */
  refresh(options?: { now?: number | Date }): Promise<List>;

  /** What is held, and whether it may be judged by. */
  status(options?: { now?: number | Date; freshFor?: number }): Status;
}

/**
 * A verifier that pins `root`. Without a bundle, or before the first refresh, it refuses every key
 * with `list_missing`.
 *
 * @throws PortcullisError where root, keyring, secrets or bundle are refused.
 * @throws TypeError where an option has the wrong type.
 */
export function createVerifier(options: VerifierOptions): Verifier;

/** Whether a grant covers a scope: `orders:*` covers `orders:read`, and not `orders`. */
export function covers(grant: string, scope: string): boolean;
