import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Admitted, Kind, Verifier } from '../index.js';
import type { AssertionVerifier } from './assertion.js';
import type { AssertionGuardOptions, GuardOptions } from './guard.js';

/**
 * The type of `request.portcullis`: a key's verdict. If {@link apiKey} is given an assertion
 * verifier, declare the type once in your program:
 * `declare module 'portcullis/express' { interface Found { found: Asserted } }`.
 */
export interface Found {}

type Verified = Found extends { found: infer Asserted } ? Asserted : Admitted;

declare global {
  namespace Express {
    interface Request {
      /** Set by {@link apiKey}. */
      portcullis?: Verified;
    }
  }
}

type Handler = <Req extends IncomingMessage, Res extends ServerResponse>(
  request: Req,
  response: Res,
  next: (error?: unknown) => void,
) => void;

/** Lets admitted requests continue, with `request.portcullis` set, and answers all others. */
export function apiKey<Req extends IncomingMessage = IncomingMessage>(
  verifier: Verifier,
  options?: GuardOptions<Req>,
): Handler;
export function apiKey<Req extends IncomingMessage = IncomingMessage>(
  verifier: AssertionVerifier,
  options?: AssertionGuardOptions<Req>,
): Handler;

/** After {@link apiKey}: answers 403 if the key's policy lacks one of the scopes. */
export function requireScopes(...scopes: (string | string[])[]): Handler;

/** After {@link apiKey}: refuses keys of the other kind. */
export function requireKind(kind: Kind): Handler;
