/** Types that all calls share. */

import type { Answered, Api } from './issuer-shape.js';

/** Options of every call. */
export interface CallOptions {
  /** Aborts the call, also during a pause between attempts. The call rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Identifies a list. */
export type ListMark = Answered<Api['MarkView']>;

/** A place that lists are published to. */
export type Target = Answered<Api['TargetView'], {}, 'error' | 'failing_since'>;

/** Whether verifiers can already know of a change. The change is committed in any case. */
export type Committed = Answered<
  Omit<Api['CommittedAnswer'], 'everywhere' | 'targets'>,
  { list: ListMark; problem: Problem },
  'list' | 'note' | 'problem'
>;

/** The same, after a `wait` for the targets. */
export type Carried = Committed & {
  /** Whether all targets carry the list. */
  everywhere?: boolean;
  targets?: Target[];
};

/** How long to wait until every target carries the list, in seconds. */
export interface Wait {
  wait?: number;
}

/** One page. */
export interface Page<T> {
  items: T[];
  /** The number of items on all pages, if it was requested. */
  count: number | null;
}

/** Items that are fetched page by page as you read: `for await (const item of pages)`. */
export interface Pages<T> extends AsyncIterable<T> {
  /** The pages instead of the items. */
  pages(): AsyncIterable<Page<T>>;
  /** Only the first page. */
  page(): Promise<Page<T>>;
  /** All items, or the first `atMost`. */
  toArray(options?: { atMost?: number }): Promise<T[]>;
}

/** An error of the issuer (RFC 9457): `detail` says what to do, `kind` is the coarse kind. */
export type Problem = Answered<Api['Problem']>;
