import type { Context, MiddlewareHandler } from 'hono';
import type { Admitted, Kind, Verifier } from '../index.js';
import type { Asserted, AssertionVerifier } from './assertion.js';
import type { AssertionGuardOptions, GuardOptions } from './guard.js';

/**
 * The variable that the middleware sets: `c.get('portcullis')`. It is `Asserted` if {@link apiKey}
 * is given an assertion verifier.
 */
export interface PortcullisVariables<Found = Admitted> {
  portcullis: Found;
}

type Handler<Found = Admitted> = MiddlewareHandler<{ Variables: PortcullisVariables<Found> }>;

/** Lets admitted requests continue, and answers all others. */
export function apiKey(verifier: Verifier, options?: GuardOptions<Request, Context>): Handler;
export function apiKey(verifier: AssertionVerifier, options?: AssertionGuardOptions<Context>): Handler<Asserted>;

/** After {@link apiKey}: answers 403 if the key's policy lacks one of the scopes. */
export function requireScopes<Found extends Admitted | Asserted = Admitted>(...scopes: (string | string[])[]): Handler<Found>;

/** After {@link apiKey}: refuses keys of the other kind. */
export function requireKind<Found extends Admitted | Asserted = Admitted>(kind: Kind): Handler<Found>;
