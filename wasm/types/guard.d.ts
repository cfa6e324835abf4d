import type { Admitted, AuthenticateOptions, Rejected } from '../index.js';
import type { Asserted, AssertionAuthenticateOptions, AssertionRejected } from './assertion.js';

/** What a middleware requires of each request's key, and the callback for refusals. */
export interface GuardOptions<Request, Context = Request>
  extends Omit<AuthenticateOptions, 'address' | 'salesChannel' | 'getKey' | 'waitUntil'> {
  /** The client's address. If it is unknown, a policy with networks refuses the request. */
  address?: string | null | ((context: Context) => string | null | undefined);
  /** The sales channel that the request concerns. */
  salesChannel?: string | null | ((context: Context) => string | null | undefined);
  /** Reads the key from somewhere other than the usual headers. Return `undefined` if there is none. */
  getKey?: (context: Context) => string | null | undefined;
  /** For your log: `refused.code` is the reason. It can't let the request through. */
  onRefused?: (refused: Rejected, context: Context) => void;
}

/**
 * The same with an assertion verifier. There is no `address`, because the gate has already checked
 * the networks.
 */
export interface AssertionGuardOptions<Context> extends Omit<AssertionAuthenticateOptions, 'salesChannel' | 'waitUntil'> {
  /** The sales channel that the request concerns. */
  salesChannel?: string | null | ((context: Context) => string | null | undefined);
  /** For your log: `refused.code` is the reason. It can't let the request through. */
  onRefused?: (refused: AssertionRejected, context: Context) => void;
}

export type { Admitted, Asserted, Rejected };
