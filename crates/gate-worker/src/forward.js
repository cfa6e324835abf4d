// Sends a request to the origin and returns its answer. The entry's fast path and the handler share
// this code. The gate decides what changes; this code only carries it out.
//
// A plan is an array: names and values that are set on the client's answer, one per line; flag
// letters (see `Flags` of the gate); the target if it differs from the request's; the fields that
// are set; and the names of all fields that are set or removed.

const ANSWER_HEADERS = 0;
const FLAGS = 1;
const TARGET = 2;
const SET = 3;
const CHANGED = 4;

// The close code of a WebSocket that has reached its time limit. The client must present its key again.
const REAUTHENTICATE = 4401;
const REASON = 'present the key again';

// Matches a Cache-Control that already addresses shared caches (RFC 9111, section 3.5). A word
// inside quotation marks is no directive.
const QUOTED = /"(?:[^"\\]|\\.)*(?:"|$)/g;
const FOR_SHARED_CACHES = /(?:^|[\s,])(?:private|no-store|public|s-maxage|must-revalidate)(?:$|[\s,=])/i;

/**
 * Makes a plan. `edits` holds alternating names and values of the fields that change, one per line;
 * an empty value removes the field.
 */
export function planOf(answerHeaders, flags, target, edits) {
  const set = {};
  const changed = new Set();
  const lines = edits.split('\n');
  for (let at = 0; at + 1 < lines.length; at += 2) {
    const name = lines[at].toLowerCase();
    changed.add(name);
    if (lines[at + 1] !== '') set[name] = lines[at + 1];
  }
  return [answerHeaders, flags, target, set, changed];
}

/**
 * Sends the request and resolves to the origin's answer. `base` is the origin's address. `fields`
 * are the client's fields without those that no origin gets: as `Headers`, or as alternating names
 * and values. `read` holds the properties of the request that were read already, because the
 * runtime makes a new string on each access.
 */
export function send(request, base, fields, plan, read = request) {
  const target = base + (plan[TARGET] || targetOf(read.url));
  const sent = fetch(target, initOf(request, fields, plan, read));
  // Most answers are passed on unchanged; return their promise without a further `then`.
  const [answerHeaders, flags] = plan;
  if (answerHeaders === '' && !flags.includes('p') && !flags.includes('o')) return sent;
  return sent.then((answer) => answered(answer, plan, 0));
}

/** The same request, for a Worker that sends it itself. */
export function upstreamRequest(request, base, fields, plan) {
  return new Request(base + (plan[TARGET] || targetOf(request.url)), initOf(request, fields, plan, request));
}

/** The answer as the client gets it. If `seconds` is not 0, a streaming answer is ended after that time. */
export function answered(answer, plan, seconds) {
  const flags = plan[FLAGS];
  const lines = plan[ANSWER_HEADERS] === '' ? [] : plan[ANSWER_HEADERS].split('\n');
  if (answer.webSocket) return socketOf(answer, flags, seconds);
  const caching = flags.includes('p') ? privately(answer) : undefined;
  if (seconds === 0 && lines.length === 0 && caching === undefined) return answer;
  const copy = seconds === 0 ? new Response(answer.body, answer) : endAfter(answer, seconds);
  for (let at = 0; at < lines.length; at += 2) copy.headers.set(lines[at], lines[at + 1]);
  if (caching !== undefined) copy.headers.set('cache-control', caching);
  return copy;
}

// Redirects are the client's to follow. The method is the one that was verified: the fields that
// could override it are not among `fields`.
function initOf(request, fields, plan, { method, body: received }) {
  const headers = Array.isArray(fields) ? merged(fields, plan) : edited(fields, plan);
  // A GET or HEAD has no body, or an empty one; otherwise the request was refused before.
  const body = method === 'GET' || method === 'HEAD' ? null : received;
  const init = { method, headers, redirect: 'manual' };
  if (body !== null) init.body = body;
  if (plan[FLAGS].includes('u') && isCached(request)) init.cache = 'no-store';
  // Keep the body in its own encoding and length, so that one that is cut off later arrives as the
  // origin sent it.
  if (plan[FLAGS].includes('m')) init.encodeResponseBody = 'manual';
  return init;
}

// A plain object, because the runtime converts it in one step, but a `Headers` field by field.
function merged(fields, plan) {
  const changed = plan[CHANGED];
  const headers = { ...plan[SET] };
  for (let at = 0; at < fields.length; at += 2) {
    if (!changed.has(fields[at])) headers[fields[at]] = fields[at + 1];
  }
  return headers;
}

function edited(headers, plan) {
  for (const name of plan[CHANGED]) headers.delete(name);
  for (const [name, value] of Object.entries(plan[SET])) headers.set(name, value);
  return headers;
}

// Whether the platform caches the origin's answers, as Cloudflare does. Plain workerd, the only one
// that reports the client's address as `cf.clientIp`, has no cache; setting the cache mode there
// would cost a sixth of a request's time.
let cached;
function isCached(request) {
  cached ??= request.cf?.clientIp === undefined;
  return cached;
}

// The Cache-Control of an answer that depends on the key: adds `private`, unless the answer's own
// directives already limit the caches that may store it.
function privately({ headers }) {
  const value = headers.get('cache-control');
  if (value === null || value === '') return 'private';
  return FOR_SHARED_CACHES.test(value.replace(QUOTED, '')) ? undefined : `${value}, private`;
}

// A browser that offers subprotocols requires the answer to choose one.
function socketOf(answer, flags, seconds) {
  const chooses = flags.includes('o') && !answer.headers.has('sec-websocket-protocol');
  if (seconds === 0 && !chooses) return answer;
  const headers = new Headers(answer.headers);
  if (chooses) headers.set('sec-websocket-protocol', 'portcullis');
  const webSocket = seconds === 0 ? answer.webSocket : relayed(answer.webSocket, seconds * 1000);
  return new Response(null, { status: 101, webSocket, headers });
}

// The path and query, sent exactly as they were verified.
function targetOf(url) {
  return url.slice(url.indexOf('/', url.indexOf('//') + 2));
}

// An answer with a body that is cut off after `seconds`.
function endAfter(response, seconds) {
  // Encoding and length stay as they are; only the bytes stop.
  if (!response.body) return new Response(null, response);
  const { readable, writable } = streamFor(response);
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), seconds * 1000);
  response.body
    .pipeTo(writable, { signal: controller.signal })
    .catch(() => {})
    .finally(() => clearTimeout(timer));
  const { status, statusText, headers: fields } = response;
  return new Response(readable, { status, statusText, headers: fields, encodeBody: 'manual' });
}

// With its length, so that a client notices a body that is cut off. A body without a length is
// ended by workerd as if it were complete, even if the origin breaks off.
function streamFor({ headers }) {
  const length = headers.get('content-length');
  return length === null ? new IdentityTransformStream() : new FixedLengthStream(Number(length));
}

function relayed(origin, millis) {
  const { 0: outer, 1: inner } = new WebSocketPair();
  const sides = [inner, origin];
  const timer = setTimeout(() => sides.forEach((side) => close(side, REAUTHENTICATE, REASON)), millis);
  sides.forEach((side, at) => {
    const other = sides[1 - at];
    side.accept();
    side.addEventListener('message', ({ data }) => {
      try {
        other.send(data);
      } catch {
        close(side, 1011, 'the other side is gone');
      }
    });
    side.addEventListener('close', ({ code, reason }) => {
      clearTimeout(timer);
      close(other, code, reason);
    });
    side.addEventListener('error', () => close(other, 1011, 'the other side is gone'));
  });
  return outer;
}

function close(socket, code, reason) {
  // 1005 and 1006 mean that no code was received, and must not be sent.
  const sendable = code >= 1000 && ![1004, 1005, 1006, 1015].includes(code);
  try {
    if (sendable) socket.close(code, reason);
    else socket.close();
  } catch {
    // The socket is already closed.
  }
}
