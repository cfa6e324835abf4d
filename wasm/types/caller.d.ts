/**
 * For the origin behind a gate: reads the header `portcullis`, in which the gate tells it who is calling.
 *
 * ```js
 * const caller = readCaller(request);
 * if (caller === undefined) refuse();
 * else serve(caller.key.owner);
 * ```
 *
 * Nothing of it is signed, so it is worth as much as the way between gate and origin: whoever reaches
 * the origin around the gate writes it as he likes. Where anybody could, take `portcullis/assertion`,
 * which is the same, signed, and finds the same `key`, `grant` and `list`.
 */

import type { IncomingRequest } from '../index.js';
import type { Asserted, AssertedKey } from './assertion.js';

export { covers } from '../index.js';
export type { AssertedKey, IncomingRequest };

/** Whose request it is, as the gate tells it. */
export interface Caller {
  key: AssertedKey;
  /** What the key's policy grants. Both are empty for a key without one. */
  grant: Asserted['grant'];
  /** The list that the gate judged by: its number, and whether it was fresh. */
  list: Asserted['list'];
}

/**
 * Who is calling, by the header's value, a `Request`, `Headers`, Node's request or its headers; also
 * where a gate with `IDENTITY` = `each` sends a header for each thing. `undefined` where it is not
 * exactly as the gate writes it, or there is none: that is nobody. It throws nothing.
 */
export function readCaller(input: string | IncomingRequest | IncomingRequest['headers'] | null | undefined): Caller | undefined;
