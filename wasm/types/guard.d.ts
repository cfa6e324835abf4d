import type { Admitted, AuthenticateOptions, Rejected } from '../index.js';
import type { Asserted, AssertionAuthenticateOptions, AssertionRejected } from './assertion.js';

/** What a middleware asks of each request's key, and whom it tells of refusals. */
export interface GuardOptions<Request, Context = Request>
  extends Omit<AuthenticateOptions, 'address' | 'salesChannel' | 'getKey' | 'waitUntil'> {
  /** The client's address: policies with networks refuse where it is not known. */
  address?: string | null | ((context: Context) => string | null | undefined);
  /** The sales channel that the request is about. */
  salesChannel?: string | null | ((context: Context) => string | null | undefined);
  /** Reads the key from elsewhere than the usual headers: `undefined` for none. */
  getKey?: (context: Context) => string | null | undefined;
  /** For your log: `refused.code` says why. It can't let the request through. */
  onRefused?: (refused: Rejected, context: Context) => void;
}

/** The same where the verifier is one of assertions: the gate has held the networks against the client. */
export interface AssertionGuardOptions<Context> extends Omit<AssertionAuthenticateOptions, 'salesChannel' | 'waitUntil'> {
  /** The sales channel that the request is about. */
  salesChannel?: string | null | ((context: Context) => string | null | undefined);
  /** For your log: `refused.code` says why. It can't let the request through. */
  onRefused?: (refused: AssertionRejected, context: Context) => void;
}

export type { Admitted, Asserted, Rejected };
