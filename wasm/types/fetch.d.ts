import type { Admitted, Kind, Verifier } from '../index.js';
import type { Asserted, AssertionVerifier } from './assertion.js';
import type { AssertionGuardOptions, GuardOptions } from './guard.js';

/**
 * Wraps a handler so that it runs for admitted requests only; all others are answered (RFC 6750,
 * RFC 9457). An argument with `waitUntil` keeps refreshes alive.
 */
export function protect<R extends Request, Rest extends unknown[]>(
  verifier: Verifier,
  handler: (request: R, admitted: Admitted, ...rest: Rest) => Response | Promise<Response>,
  options?: GuardOptions<R>,
): (request: R, ...rest: Rest) => Promise<Response>;
export function protect<R extends Request, Rest extends unknown[]>(
  verifier: AssertionVerifier,
  handler: (request: R, asserted: Asserted, ...rest: Rest) => Response | Promise<Response>,
  options?: AssertionGuardOptions<R>,
): (request: R, ...rest: Rest) => Promise<Response>;

/** Returns the response to send if the policy lacks one of the scopes; `undefined` if it grants all. */
export function requireScopes(...scopes: (string | string[])[]): (admitted: Admitted | Asserted) => Response | undefined;

/** Returns the response to send if the key is of the other kind; else `undefined`. */
export function requireKind(kind: Kind): (admitted: Admitted | Asserted) => Response | undefined;
