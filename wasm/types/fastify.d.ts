import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify';
import type { Admitted, Kind, Verifier } from '../index.js';
import type { GuardOptions } from './guard.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by {@link apiKey}; `null` where no key was asked for. */
    portcullis: Admitted | null;
  }
}

type Hook = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/**
 * A plugin: every route of the scope that it is registered in needs a key. What was admitted stands
 * in `request.portcullis`.
 */
export function apiKey(verifier: Verifier, options?: GuardOptions<FastifyRequest>): FastifyPluginCallback;

/** A route's `onRequest`, behind {@link apiKey}: answers 403 where the policy lacks a scope. */
export function requireScopes(...scopes: (string | string[])[]): Hook;

/** The same for keys of the other kind. */
export function requireKind(kind: Kind): Hook;
