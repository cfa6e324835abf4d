import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify';
import type { Admitted, Kind, Verifier } from '../index.js';
import type { AssertionVerifier } from './assertion.js';
import type { AssertionGuardOptions, GuardOptions } from './guard.js';

/**
 * What `request.portcullis` is: a key's verdict, or where {@link apiKey} is given a verifier of
 * assertions what the program says here, once:
 * `declare module 'portcullis/fastify' { interface Found { found: Asserted } }`.
 */
export interface Found {}

type Judged = Found extends { found: infer Asserted } ? Asserted : Admitted;

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by {@link apiKey}; `null` where no key was asked for. */
    portcullis: Judged | null;
  }
}

type Hook = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/**
 * A plugin: every route of the scope that it is registered in needs a key. What was admitted stands
 * in `request.portcullis`.
 */
export function apiKey(verifier: Verifier, options?: GuardOptions<FastifyRequest>): FastifyPluginCallback;
export function apiKey(verifier: AssertionVerifier, options?: AssertionGuardOptions<FastifyRequest>): FastifyPluginCallback;

/** A route's `onRequest`, behind {@link apiKey}: answers 403 where the policy lacks a scope. */
export function requireScopes(...scopes: (string | string[])[]): Hook;

/** The same for keys of the other kind. */
export function requireKind(kind: Kind): Hook;
