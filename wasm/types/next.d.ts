import type { Admitted, Verifier } from '../index.js';
import type { Asserted, AssertionVerifier } from './assertion.js';
import type { AssertionGuardOptions, GuardOptions } from './guard.js';

export { requireKind, requireScopes } from './fetch.js';

/** Wraps a route handler so that it runs for admitted requests only. */
export function withApiKey<R extends Request, Rest extends unknown[]>(
  verifier: Verifier,
  handler: (request: R, admitted: Admitted, ...rest: Rest) => Response | Promise<Response>,
  options?: GuardOptions<R>,
): (request: R, ...rest: Rest) => Promise<Response>;
export function withApiKey<R extends Request, Rest extends unknown[]>(
  verifier: AssertionVerifier,
  handler: (request: R, asserted: Asserted, ...rest: Rest) => Response | Promise<Response>,
  options?: AssertionGuardOptions<R>,
): (request: R, ...rest: Rest) => Promise<Response>;

/** For `middleware.ts` (`proxy.ts`): answers refused requests, and lets the others continue. */
export function apiKey<R extends Request>(
  verifier: Verifier,
  options?: GuardOptions<R>,
): (request: R, event?: { waitUntil(promise: Promise<unknown>): void }) => Promise<Response>;
export function apiKey<R extends Request>(
  verifier: AssertionVerifier,
  options?: AssertionGuardOptions<R>,
): (request: R, event?: { waitUntil(promise: Promise<unknown>): void }) => Promise<Response>;
