/**
 * The package as a class that wasm-bindgen makes, for programs that bundle such classes. Options,
 * verdicts and errors are those of `portcullis`; it has no source, and `update` takes the files
 * that you fetch. A Rust program exports the same class of its own module: see the crate
 * `portcullis-bindgen`.
 *
 * ```js
 * import { Verifier } from 'portcullis/bindgen';
 *
 * const verifier = new Verifier({ root: 'AbC…', bundle });
 * const verdict = verifier.verify(token, { kind: 'publishable', environment: 'live' });
 * if (verdict.ok) serve(verdict.key.owner);
 * else refuse(verdict.code);
 * ```
 *
 * The types that `portcullis` has as well are described with it.
 */

export { PortcullisError } from '../index.js';

/** The contents of an accepted key. */
export interface Key {
  /** The public name, for logs and support: `apk_` and 22 characters. It proves nothing. */
  name: string;
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
}

/** Options of the constructor. */
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
  /** The age up to which a list counts as fresh. Default: 5,000 ms. */
  freshFor?: number;
  /** The time at which `bundle` is checked. Default: the current time. */
  now?: number | Date;
}

/**
 * An issuer's files by name: `stamp`, `keyring`, `bundle`, or a file named by its SHA-256 in
 * hexadecimal below `heads/`, `bodies/`, `policies/` or `private/`. `null` is a file that can't be
 * had.
 */
export type Files = Record<string, Uint8Array | ArrayBuffer | null>;

/** A file that an update needs. */
export interface WantedFile {
  /** Its path below the issuer's `.well-known/portcullis/`. */
  name: string;
  /** Its length, or the most bytes that it may have. Read no more of it. */
  longest: number;
}

/** What a verifier holds. */
export interface Status {
  /** `null` before the first keyring. */
  issuer: string | null;
  keyring: { version: number; notAfter: number } | null;
  list: List;
  /** Kids of secrets that no keyring lists yet. */
  waitingSecrets: number[];
}

/** What a key is made for: servers (`sk_…`), or web pages and apps (`pk_…`). */
export type Kind = 'secret' | 'publishable';

/** The environment in which a key is valid. */
export type Environment = 'live' | 'test';

/**
 * The algorithm that proves a key. An HMAC key can be verified only with its secret, an Ed25519 key
 * by any verifier.
 */
export type Algorithm = 'hmac-sha256-128' | 'ed25519';

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
  // The key's policy is not held. `update` fetches it.
  | 'policy_unavailable'
  // The policy says something that this version of the package doesn't know. Update the package.
  | 'policy_too_new'
  // What the issuer changed for the key is not held. `update` fetches it.
  | 'assignment_unavailable'
  // What it changed is new to this version of the package. Update the package.
  | 'assignment_too_new'
  // This verifier can't verify the key now. `update` may help.
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

/** The secret of an HMAC key: 32 bytes, or 43 characters of base64url. */
export interface Secret {
  kid: number;
  secret: Uint8Array | ArrayBuffer | string;
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

/**
 * Verifies the keys of one issuer. Make one and keep it. Its state is in the WebAssembly module.
 */
export class Verifier {
  /**
   * Verifies a key. Any string that is no key is refused like an invalid key, whatever its length
   * and characters.
   *
   * Throws a `TypeError` if `token` is not a string, or an option is misspelt or of the wrong type.
   */
  verify(token: string, options: VerifyOptions & { request: RequestFacts }): Admitted | Refused;
  verify(token: string, options?: VerifyOptions): Verdict;
  /**
   * Adopts keyring and list from a bundle. Returns whether either was new.
   *
   * Throws a `PortcullisError` if the bundle is refused. What was held stays in use.
   */
  adopt(bundle: Uint8Array | ArrayBuffer, options?: { now?: number | Date }): boolean;
  /**
   * Makes a verifier that pins `root`. Without a bundle, it refuses every key with
   * `list_missing` until the first `update`.
   *
   * Throws a `PortcullisError` if root, keyring, secrets or bundle are refused, a `TypeError` if
   * an option is misspelt or has the wrong type.
   */
  constructor(options: VerifierOptions);
  /**
   * What the verifier holds, and whether keys can be verified with it.
   */
  status(options?: { now?: number | Date; freshFor?: number }): Status;
  /**
   * Brings the verifier up to date from files that you fetch. Call it with no files at first;
   * while it returns names, fetch those and call it again with all files fetched so far:
   *
   * ```js
   * const files = {};
   * for (let wanted; (wanted = verifier.update(files)).length > 0;) {
   *   for (const { name, longest } of wanted) files[name] = await source.get(name, longest);
   * }
   * ```
   *
   * `null` stands for a file that can't be had. Without a bundle, keyring and stamp are used;
   * without a keyring, the held one; and without a policy, the list is adopted all the same.
   *
   * Throws a `PortcullisError` if a file is refused. What was held stays in use.
   */
  update(files: Files, options?: { now?: number | Date }): WantedFile[];
}
