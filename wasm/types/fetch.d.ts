import type { Admitted, Kind, Verifier } from '../index.js';
import type { Asserted, AssertionVerifier } from './assertion.js';
import type { AssertionGuardOptions, GuardOptions } from './guard.js';

/**
 * A handler that runs for admitted requests alone; what else comes is answered (RFC 6750, RFC 9457).
 * An argument with `waitUntil` keeps refreshes alive.
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

/** The answer to give where the policy lacks one of the scopes, `undefined` where it grants all. */
export function requireScopes(...scopes: (string | string[])[]): (admitted: Admitted | Asserted) => Response | undefined;

/** The same for keys of the other kind. */
export function requireKind(kind: Kind): (admitted: Admitted | Asserted) => Response | undefined;
