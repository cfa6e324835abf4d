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
