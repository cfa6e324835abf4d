/** What calls take and give, whatever they are about. */

import type { Answered, Api } from './issuer-shape.js';

/** What every call takes. */
export interface CallOptions {
  /** Ends the call, pauses between attempts included: it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Which list. */
export type ListMark = Answered<Api['MarkView']>;

/** A place where lists are put out. */
export type Target = Answered<Api['TargetView'], {}, 'error' | 'failing_since'>;

/** Whether verifiers can know of a change, which is committed in any case. */
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

/** For how long to wait until every target carries the list, in seconds. */
export interface Wait {
  wait?: number;
}

/** A page. */
export interface Page<T> {
  items: T[];
  /** On all pages, where that was asked for. */
  count: number | null;
}

/** Pages, turned as they are read: `for await (const item of pages)`. */
export interface Pages<T> extends AsyncIterable<T> {
  /** Page by page. */
  pages(): AsyncIterable<Page<T>>;
  /** The first page alone. */
  page(): Promise<Page<T>>;
  /** All of them, or the first `atMost`. */
  toArray(options?: { atMost?: number }): Promise<T[]>;
}

/** An error as the issuer answers it (RFC 9457): `detail` says what to do, `kind` is the coarse kind. */
export type Problem = Answered<Api['Problem']>;
