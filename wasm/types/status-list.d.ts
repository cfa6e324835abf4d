/**
 * Checks the status of third-party tokens with IETF Token Status Lists
 * (draft-ietf-oauth-status-list), together with a library that verifies the token itself:
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

/** Options of {@link createStatusChecker}. */
export interface StatusCheckerOptions {
  /**
   * The status issuer's key, or a function that finds it, such as the result of
   * `createRemoteJWKSet` of `jose`. The key determines the algorithm, and the list's token must
   * agree.
   */
  key: StatusKey | ((header: any, token: any) => StatusKey | Promise<StatusKey>);
  /** The lists that tokens may refer to. Default: any https address. */
  uris?: Iterable<string> | ((uri: string) => boolean);
  /** Replaces the global `fetch`. */
  fetch?: (uri: string, init: { signal: AbortSignal; headers: Record<string, string> }) => Promise<Response>;
  /** The timeout of one list, in milliseconds. Default: 5,000. */
  timeout?: number;
  /** How long a check waits for a newer list if the held one is past its `ttl`. Default: 300 ms. */
  deadline?: number;
  /** The maximum size of the token as sent. Default: 4 MiB. */
  maxTokenBytes?: number;
  /** The maximum size of the decompressed list. Default: 16 MiB, enough for 134 million tokens of one bit. */
  maxListBytes?: number;
}

/** The list that was used. Instants are milliseconds since 1970. */
export interface StatusListFacts {
  uri: string;
  idx: number;
  /** `stale`: past its `ttl`, and no newer list arrived in time. */
  freshness: 'fresh' | 'stale';
  issuedAt: number;
  /** From this instant on, the list is no longer used; `null` if the list has no expiry. */
  expiresAt: number | null;
  ageMs: number;
}

/** The reason why a token is not accepted. */
export type StatusCode =
  // By the list's entry.
  | 'status_invalid'
  | 'status_suspended'
  | 'status_other'
  | 'status_not_covered'
  // By the token's claims.
  | 'status_missing'
  | 'status_unreadable'
  | 'status_uri'
  // No list could be used.
  | 'status_list_unavailable'
  | 'status_list_too_large'
  | 'status_list_unreadable'
  | 'status_list_type'
  | 'status_list_key'
  | 'status_list_bad_signature'
  | 'status_list_subject'
  | 'status_list_from_the_future'
  | 'status_list_expired';

/** The result of {@link StatusChecker.check}. Check `ok` first. In any doubt the token is refused. */
export type StatusResult =
  | { ok: true; status: 'valid'; value: 0; list: StatusListFacts }
  | {
      ok: false;
      code: StatusCode;
      message: string;
      /** `null` if no list could be used. */
      status: 'invalid' | 'suspended' | 'other' | null;
      value: number | null;
      list: StatusListFacts | null;
    };

/** Options of one check. */
export interface StatusCheckOptions {
  /** The time of the check. Default: the current time. */
  now?: number | Date;
  /**
   * Keeps a fetch of the list alive after the response: `ctx.waitUntil.bind(ctx)` in a Worker.
   * Without it, a fetch that takes longer than `deadline` ends there with the request that started
   * it.
   */
  waitUntil?: (promise: Promise<unknown>) => void;
}

export interface StatusChecker {
  /**
   * Looks up the status of a verified token by its claims. A list is fetched once per `ttl`. After
   * that it is fetched again; if that fails, the held list is used until it expires.
   *
   * @throws TypeError if `claims` is not an object.
   */
  check(claims: object, options?: StatusCheckOptions): Promise<StatusResult>;
}

export function createStatusChecker(options: StatusCheckerOptions): StatusChecker;
