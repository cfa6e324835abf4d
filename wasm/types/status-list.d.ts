/**
 * The status of others' tokens by IETF Token Status Lists (draft-ietf-oauth-status-list), beside a
 * library that verifies the token itself:
 *
 * ```js
 * const status = createStatusChecker({ key: createRemoteJWKSet(jwks), uris: ['https://issuer.example/statuslists/1'] });
 * const { payload } = await jwtVerify(token, keys);
 * const checked = await status.check(payload);
 * if (!checked.ok) refuse(checked.code);
 * ```
 */

/** A public key as JSON (RFC 7517). */
export interface Jwk {
  kty?: string;
  alg?: string;
  kid?: string;
  use?: string;
  crv?: string;
  x?: string;
  y?: string;
  n?: string;
  e?: string;
}

export type StatusKey = CryptoKey | Jwk | { keys: Jwk[] };

/** What {@link createStatusChecker} is made from. */
export interface StatusCheckerOptions {
  /**
   * The status issuer's key, or a function that finds it: what `createRemoteJWKSet` of `jose` gives
   * will do. The key decides the algorithm, and the list's token must agree.
   */
  key: StatusKey | ((header: any, token: any) => StatusKey | Promise<StatusKey>);
  /** The lists that tokens may point at. Any https address unless told. */
  uris?: Iterable<string> | ((uri: string) => boolean);
  /** Instead of the global `fetch`. */
  fetch?: (uri: string, init: { signal: AbortSignal; headers: Record<string, string> }) => Promise<Response>;
  /** For one list, in milliseconds. 5,000 unless told. */
  timeout?: number;
  /** How long a check waits for a newer list where the one that is held is past its `ttl`. 300 ms unless told. */
  deadline?: number;
  /** Of the token, as it is sent. 4 MiB unless told. */
  maxTokenBytes?: number;
  /** Of the list, decompressed. 16 MiB unless told: 134 million tokens of one bit. */
  maxListBytes?: number;
}

/** Which list was looked up in. Instants are milliseconds since 1970. */
export interface StatusListFacts {
  uri: string;
  idx: number;
  /** `stale`: past its `ttl`, and no newer one came in time. */
  standing: 'fresh' | 'stale';
  issuedAt: number;
  /** From this instant on it is not looked up in; `null` where it does not say. */
  expiresAt: number | null;
  ageMs: number;
}

/** Why a token is not accepted. */
export type StatusCode =
  // What the list says.
  | 'status_invalid'
  | 'status_suspended'
  | 'status_other'
  | 'status_not_covered'
  // What the token says.
  | 'status_missing'
  | 'status_unreadable'
  | 'status_uri'
  // There is no list to look up in.
  | 'status_list_unavailable'
  | 'status_list_too_large'
  | 'status_list_unreadable'
  | 'status_list_type'
  | 'status_list_key'
  | 'status_list_bad_signature'
  | 'status_list_subject'
  | 'status_list_from_the_future'
  | 'status_list_expired';

/** What {@link StatusChecker.check} resolves to: test `ok`. Every doubt is a "no". */
export type StatusResult =
  | { ok: true; status: 'valid'; value: 0; list: StatusListFacts }
  | {
      ok: false;
      code: StatusCode;
      message: string;
      /** `null` where no list could be looked up in. */
      status: 'invalid' | 'suspended' | 'other' | null;
      value: number | null;
      list: StatusListFacts | null;
    };

/** How one token is checked. */
export interface StatusCheckOptions {
  /** The instant to judge at. The clock's time unless told. */
  now?: number | Date;
  /**
   * Keeps a fetch of the list alive behind the answer: `ctx.waitUntil.bind(ctx)` in a Worker, where a
   * fetch that takes longer than `deadline` else ends with the request that began it.
   */
  waitUntil?: (promise: Promise<unknown>) => void;
}

export interface StatusChecker {
  /**
   * Looks the status of a verified token's claims up. A list is fetched once for its `ttl`; past that
   * it is fetched anew, and judged by for as long as it has not expired where that fails.
   *
   * @throws TypeError where `claims` is no object.
   */
  check(claims: object, options?: StatusCheckOptions): Promise<StatusResult>;
}

export function createStatusChecker(options: StatusCheckerOptions): StatusChecker;
