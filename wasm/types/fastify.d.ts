import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify';
import type { Admitted, Kind, Verifier } from '../index.js';
import type { AssertionVerifier } from './assertion.js';
import type { AssertionGuardOptions, GuardOptions } from './guard.js';

/**
 * The type of `request.portcullis`: a key's verdict. If {@link apiKey} is given an assertion
 * verifier, declare the type once in your program:
 * `declare module 'portcullis/fastify' { interface Found { found: Asserted } }`.
 */
export interface Found {}

type Verified = Found extends { found: infer Asserted } ? Asserted : Admitted;

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by {@link apiKey}; `null` on routes that need no key. */
    portcullis: Verified | null;
  }
}

type Hook = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/**
 * A plugin: every route of the scope that it is registered in needs a key. The result is in
 * `request.portcullis`.
 */
export function apiKey(verifier: Verifier, options?: GuardOptions<FastifyRequest>): FastifyPluginCallback;
export function apiKey(verifier: AssertionVerifier, options?: AssertionGuardOptions<FastifyRequest>): FastifyPluginCallback;

/** A route's `onRequest`, after {@link apiKey}: answers 403 if the policy lacks a scope. */
export function requireScopes(...scopes: (string | string[])[]): Hook;

/** A route's `onRequest`, after {@link apiKey}: refuses keys of the other kind. */
export function requireKind(kind: Kind): Hook;
