import type { Context, MiddlewareHandler } from 'hono';
import type { Admitted, Kind, Verifier } from '../index.js';
import type { GuardOptions } from './guard.js';

/** What the middleware sets: `c.get('portcullis')`. */
export interface PortcullisVariables {
  portcullis: Admitted;
}

type Handler = MiddlewareHandler<{ Variables: PortcullisVariables }>;

/** Lets admitted requests go on, and answers all others. */
export function apiKey(verifier: Verifier, options?: GuardOptions<Request, Context>): Handler;

/** Behind {@link apiKey}: answers 403 where the key's policy lacks one of the scopes. */
export function requireScopes(...scopes: (string | string[])[]): Handler;

/** Behind {@link apiKey}: refuses keys of the other kind. */
export function requireKind(kind: Kind): Handler;
