import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Admitted, Kind, Verifier } from '../index.js';
import type { AssertionVerifier } from './assertion.js';
import type { AssertionGuardOptions, GuardOptions } from './guard.js';

/**
 * What `request.portcullis` is: a key's verdict, or where {@link apiKey} is given a verifier of
 * assertions what the program says here, once:
 * `declare module 'portcullis/express' { interface Found { found: Asserted } }`.
 */
export interface Found {}

type Judged = Found extends { found: infer Asserted } ? Asserted : Admitted;

declare global {
  namespace Express {
    interface Request {
      /** Set by {@link apiKey}. */
      portcullis?: Judged;
    }
  }
}

type Handler = <Req extends IncomingMessage, Res extends ServerResponse>(
  request: Req,
  response: Res,
  next: (error?: unknown) => void,
) => void;

/** Lets admitted requests go on, with `request.portcullis`, and answers all others. */
export function apiKey<Req extends IncomingMessage = IncomingMessage>(
  verifier: Verifier,
  options?: GuardOptions<Req>,
): Handler;
export function apiKey<Req extends IncomingMessage = IncomingMessage>(
  verifier: AssertionVerifier,
  options?: AssertionGuardOptions<Req>,
): Handler;

/** Behind {@link apiKey}: answers 403 where the key's policy lacks one of the scopes. */
export function requireScopes(...scopes: (string | string[])[]): Handler;

/** Behind {@link apiKey}: refuses keys of the other kind. */
export function requireKind(kind: Kind): Handler;
