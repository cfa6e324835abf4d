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

export interface Verifier {
  /**
   * Verifies a key. Any string that is no key is refused like an invalid key, whatever its length
   * and characters.
   *
   * Throws a `TypeError` if `token` is not a string, or an option is misspelt or of the wrong type.
   */
  verify(token: string, options: VerifyOptions & { request: RequestFacts }): Admitted | Refused;
  verify(token: string, options?: VerifyOptions): Verdict;
}
