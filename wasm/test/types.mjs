// Programs that must compile, with lines that must not.

const OPTIONS = {
  createVerifier: ['portcullis', 'VerifierOptions'],
  secrets: ['portcullis', 'Secret'],
  verify: ['portcullis', 'VerifyOptions'],
  request: ['portcullis', 'RequestFacts'],
  authenticate: ['portcullis', 'AuthenticateOptions'],
  httpSource: ['portcullis', 'HttpSourceOptions'],
  createAssertionVerifier: ['portcullis/assertion', 'AssertionVerifierOptions'],
  'verify of an assertion': ['portcullis/assertion', 'AssertionVerifyOptions'],
  'authenticate of an assertion': ['portcullis/assertion', 'AssertionAuthenticateOptions'],
  createStatusChecker: ['portcullis/status-list', 'StatusCheckerOptions'],
  check: ['portcullis/status-list', 'StatusCheckOptions'],
  createIssuer: ['portcullis/issuer', 'IssuerOptions'],
  'a call of the issuer': ['portcullis/issuer', 'CallOptions'],
  'keys.create and keys.roll': ['portcullis/issuer', 'CreateOptions'],
  'verify and keys.authenticate': ['portcullis/issuer', 'VerifyOptions'],
};

// Fails to compile if a call knows other option names than its type. `calls` is the list of options.js.
export function sameNames(calls) {
  return Object.entries(OPTIONS).map(([call, [entry, type]]) => {
    const names = calls.get(call).map((name) => `${name}: true`);
    return `void ({ ${names.join(', ')} } satisfies Record<keyof import('${entry}').${type}, true>);\n`;
  }).join('');
}

// Fails to compile if a code is added that isn't listed here: the union is closed.
export const EXHAUSTIVE = `
import { createVerifier, httpSource, PortcullisError, type ErrorCode, type RefusalCode, type Verdict } from 'portcullis';

const verifier = createVerifier({ root: 'r', source: httpSource('https://keys.example.com') });
const verdict: Verdict = verifier.verify('pk_live_…', { kind: 'publishable', now: new Date() });
if (verdict.ok) {
  const age: number = verdict.list.ageMs;
  const freshness: 'fresh' | 'stale' = verdict.list.freshness;
  console.log(verdict.key.owner?.toFixed(), age, freshness);
  // @ts-expect-error: no request was asked about
  verdict.grant;
} else {
  const number: number | null = verdict.list.number;
  console.log(number, coarse(verdict.code));
}
// @ts-expect-error: of a refused key nothing is told
verdict.key;
// @ts-expect-error: a kind is one of two
verifier.verify('', { kind: 'sk' });

// @ts-expect-error: the name of a demand is its own
verifier.verify('', { env: 'test' });
// @ts-expect-error: in nested objects too
verifier.verify('', { request: { scope: 'orders:read' } });
// @ts-expect-error: null asks for nothing
verifier.verify('', { request: { scopes: null } });
// @ts-expect-error: nor does a singular
verifier.authenticate({ headers: {} }, { scope: 'admin:write' });
// @ts-expect-error: a source has its own names
httpSource('https://keys.example.com', { timeouts: 1 });
// @ts-expect-error: as has a verifier
createVerifier({ root: 'r', fresh: 1 });

const admitted = verifier.verify('', { request: { path: '/a', scopes: ['orders:read'] } });
if (admitted.ok) console.log(admitted.grant.scopes.join());

async function main(request: Request): Promise<Response> {
  const result = await verifier.authenticate(request, { address: (r) => r.headers.get('cf-connecting-ip') });
  if (!result.ok) return result.response;
  return Response.json({ owner: result.key.owner, scopes: result.grant.scopes });
}
void main;
const thrown = (error: unknown): ErrorCode | undefined => (error instanceof PortcullisError ? error.code : undefined);
void thrown;

function coarse(code: RefusalCode): 'retry' | 'no' {
  switch (code) {
    case 'list_missing': case 'list_past_next_update': case 'list_from_the_future':
    case 'keyring_expired': case 'not_covered': case 'policy_unavailable':
    case 'assignment_unavailable': return 'retry';
    case 'policy_too_new': case 'assignment_too_new': case 'assignment_missing': case 'assignment_not_allowed':
    case 'malformed_empty': case 'malformed_too_long': case 'malformed_character':
    case 'malformed_prefix': case 'malformed_length': case 'malformed_overflow':
    case 'malformed_checksum': case 'malformed_version': case 'malformed_fields':
    case 'foreign_label': case 'foreign_list': case 'unknown_kid': case 'signer_not_allowed':
    case 'bad_signature': case 'secret_not_held': case 'revoked': case 'suspended': case 'expired':
    case 'wrong_kind': case 'wrong_environment': case 'policy_missing': case 'address_denied':
    case 'origin_denied': case 'method_denied': case 'path_denied': case 'scope_missing':
    case 'sales_channel_denied': return 'no';
  }
}
`;

export const DEMANDS = `
import { Hono } from 'hono';
import { createVerifier as createPure } from 'portcullis/pure';
import { createVerifier as createSlim, init } from 'portcullis/slim';
import { createAssertionVerifier, type Asserted, type AssertionCode } from 'portcullis/assertion';
import { covers, readCaller, type Caller } from 'portcullis/caller';
import { createStatusChecker } from 'portcullis/status-list';
import { protect, requireScopes as fetchScopes } from 'portcullis/fetch';
import { apiKey as expressKey, requireKind as expressKind } from 'portcullis/express';
import { apiKey as honoKey, requireScopes as honoScopes } from 'portcullis/hono';
import { apiKey as nextKey, withApiKey } from 'portcullis/next';
import type { apiKey as fastifyKey } from 'portcullis/fastify';

init(new Uint8Array());
void [createPure, createSlim, expressKey(verifier), expressKind('secret'), nextKey(verifier)];
type FastifyPlugin = ReturnType<typeof fastifyKey>;
const plugin: FastifyPlugin | undefined = undefined;
void plugin;

const app = new Hono();
app.use(honoKey(verifier, { kind: 'secret', address: (c) => c.req.header('cf-connecting-ip') }));
app.get('/orders', honoKey(verifier), honoScopes('orders:read', ['orders:write']), (c) => {
  const owner: number | null = c.get('portcullis').key.owner;
  return c.json({ owner });
});
const handler = protect(verifier, (request, admitted, context: { id: string }) => {
  return fetchScopes('orders:read')(admitted) ?? new Response(request.url + context.id);
});
void handler(new Request('https://a.example'), { id: '1' });
// @ts-expect-error: the context is missing
void handler(new Request('https://a.example'));
export const GET = withApiKey(verifier, async (request, admitted) => Response.json(admitted.key), { scopes: 'orders:read' });
// @ts-expect-error: nothing opens it
honoKey(verifier, { open: true });
// @ts-expect-error: a demand of no such name
honoKey(verifier, { environments: 'test' });
// @ts-expect-error: nor Express's
expressKey(verifier, { kinds: ['secret'] });
// @ts-expect-error: nor Next's
nextKey(verifier, { scope: 'admin:write' });
// @ts-expect-error: nor a handler's
protect(verifier, () => new Response(), { scopes: null });

const assertions = createAssertionVerifier({ root: 'r', audience: 'origin.example', source: httpSource('https://keys.example.com') });
async function origin(request: Request): Promise<Response> {
  const verdict = await assertions.verify(request, { kind: 'secret', now: new Date() });
  if (!verdict.ok) return new Response(known(verdict.code), { status: 403 });
  const { key, grant, list }: Asserted = verdict;
  const freshness: 'fresh' | 'stale' = list.freshness;
  // @ts-expect-error: a gate asserts no serial
  key.serial;
  // @ts-expect-error: and no rate class
  grant.rateClass;
  const result = await assertions.authenticate(request, { scopes: 'orders:read', salesChannel: (r) => r.headers.get('x-channel') });
  return result.ok ? Response.json({ owner: key.owner, freshness }) : result.response;
}
void [origin, assertions.verify(undefined), assertions.verify('text')];
// @ts-expect-error: an assertion is for somebody
createAssertionVerifier({ root: 'r' });
// @ts-expect-error: the gate has held the networks against the client
assertions.authenticate(new Request('https://a.example'), { address: '192.0.2.1' });

function known(code: AssertionCode): string {
  switch (code) {
    case 'assertion_missing': case 'assertion_malformed': case 'assertion_unreadable': case 'assertion_foreign_issuer':
    case 'assertion_signer_not_allowed': case 'assertion_bad_signature': case 'assertion_wrong_audience':
    case 'assertion_out_of_time': case 'wrong_kind': case 'wrong_environment': case 'scope_missing':
    case 'sales_channel_denied': case 'keyring_missing': return code;
  }
}

const behind = new Hono();
behind.get('/orders', honoKey(assertions, { salesChannel: (c) => c.req.query('channel') }), honoScopes<Asserted>('orders:read'), (c) => {
  const until: number = c.get('portcullis').expiresAt;
  return c.json({ until });
});
// @ts-expect-error: nor has Hono's middleware networks of an assertion
honoKey(assertions, { address: (c) => c.req.header('cf-connecting-ip') });
const served = protect(assertions, (request, asserted) => fetchScopes('orders:read')(asserted) ?? new Response(asserted.audience));
void [served, expressKey(assertions), nextKey(assertions)];
export const POST = withApiKey(assertions, async (request, asserted) => Response.json(asserted.key), { scopes: 'orders:read' });

declare const incoming: import('node:http').IncomingMessage;
const caller: Caller | undefined = readCaller(incoming) ?? readCaller(incoming.headers) ?? readCaller(new Headers()) ?? readCaller('text');
// @ts-expect-error: there may be nobody
caller.key;
const mayRead: boolean | undefined = caller?.grant.scopes.some((held) => covers(held, 'orders:read'));
const [owned, listed]: [number | null | undefined, number | undefined] = [readCaller(new Request('https://a.example'))?.key.owner, caller?.list.number];
void [mayRead, owned, listed, readCaller(null)];
// @ts-expect-error: a number is no request
readCaller(7);

// @ts-expect-error: a checker's names are its own
createStatusChecker({ key: { kty: 'OKP' }, uri: ['https://issuer.example'] });
// @ts-expect-error: and those of assertions
assertions.verify('text', { kinds: 'secret' });
const statuses = createStatusChecker({ key: { kty: 'OKP' } });
const looked = async (context: { waitUntil(promise: Promise<unknown>): void }): Promise<boolean> =>
  (await statuses.check({}, { now: new Date(), waitUntil: (promise) => context.waitUntil(promise) })).ok;
void looked;

declare module 'portcullis/fastify' { interface Found { found: Asserted } }
declare function fromFastify(): import('fastify').FastifyRequest;
const until: number | undefined = fromFastify().portcullis?.issuedAt;
// Without a type argument, it is a key's verdict.
const serial = (request: Express.Request): number | undefined => request.portcullis?.key.serial;
void [until, serial];
`;

// The wasm-bindgen class: the same options and verdicts, only the names of the types differ.
export const BINDGEN = `
import type * as ours from 'portcullis';
import * as bound from 'portcullis/bindgen';

const boundVerifier = new bound.Verifier({ root: 'r', secrets: [{ kid: 1, secret: 's' }], freshFor: 1, now: new Date() });
const boundBoth = (options: ours.VerifyOptions): bound.VerifyOptions => options;
const boundBack = (options: bound.VerifyOptions): ours.VerifyOptions => options;
const boundVerdicts = (verdict: ours.Verdict): bound.Verdict => verdict;
const boundCodes = (code: bound.RefusalCode): ours.RefusalCode => code;
void [boundBoth, boundBack, boundVerdicts, boundCodes];
const boundAdmitted = boundVerifier.verify('pk_live_…', { request: { scopes: ['a:b'] } });
if (boundAdmitted.ok) console.log(boundAdmitted.grant.scopes, boundAdmitted.key.owner?.toFixed(), boundAdmitted.list.ageMs);
const boundPlain: bound.Verdict = boundVerifier.verify('', { kind: 'secret' });
// @ts-expect-error: no request was asked about
if (boundPlain.ok) boundPlain.grant;
const boundHeld: bound.Status = boundVerifier.status({ freshFor: 7 });
const boundFiles: bound.Files = { stamp: new Uint8Array(), keyring: null };
for (const { name, longest } of boundVerifier.update(boundFiles, { now: 1 })) console.log(name, longest.toFixed(), boundHeld.keyring?.version);
const boundNews: boolean = boundVerifier.adopt(new ArrayBuffer(0));
try { void boundNews; } catch (error) { if (error instanceof bound.PortcullisError) { const code: ours.ErrorCode = error.code; console.log(code); } }
// @ts-expect-error: a kind is one of two
boundVerifier.verify('', { kind: 'sk' });
// @ts-expect-error: the name of a demand is its own
boundVerifier.verify('', { env: 'test' });
// @ts-expect-error: it has no source
new bound.Verifier({ root: 'r', source: { get: async () => new Uint8Array() } });
// @ts-expect-error: there is nothing to free
boundVerifier.free();
// @ts-expect-error: a root is needed
new bound.Verifier({});
`;
