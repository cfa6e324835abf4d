/**
 * For the origin behind a gate: reads the `portcullis` header, by which the gate tells the origin
 * about the caller.
 *
 * ```js
 * const caller = readCaller(request);
 * if (caller === undefined) refuse();
 * else serve(caller.key.owner);
 * ```
 *
 * The header is not signed, so it is only as trustworthy as the path between gate and origin: a
 * client that can reach the origin directly can write any header. If that is possible, use
 * `portcullis/assertion`, which is signed and has the same `key`, `grant` and `list`.
 */

import type { IncomingRequest } from '../index.js';
import type { Asserted, AssertedKey } from './assertion.js';

export { covers } from '../index.js';
export type { AssertedKey, IncomingRequest };

/** The caller, as the gate describes it. */
export interface Caller {
  key: AssertedKey;
  /** What the key's policy grants. Both are empty if the key has no policy. */
  grant: Asserted['grant'];
  /** The list by which the gate verified the key: its number, and whether it was fresh. */
  list: Asserted['list'];
}

/**
 * Reads the caller from the header's value, a `Request`, `Headers`, Node's request or its headers.
 * Also reads the separate headers that a gate with `IDENTITY` = `each` sends. Returns `undefined`
 * if there is no header, or if it is not exactly as the gate writes it; treat that as no caller.
 * Never throws.
 */
export function readCaller(input: string | IncomingRequest | IncomingRequest['headers'] | null | undefined): Caller | undefined;
