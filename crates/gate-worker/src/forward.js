// Sending a request on, and giving its answer back: one function for both ways, the entry's fast
// one and the handler's. What changes is the gate's decision; here it is carried out.
//
// A plan is an array: lines of names and values that the client's answer gets, letters (see
// `Flags` of the gate), the target if it is another than came, then names and values of the fields
// that change, by turns. An empty value takes a field out.

const ANSWERED = 0;
const FLAGS = 1;
const TARGET = 2;
const FIELDS = 3;

// How a WebSocket is closed whose time is over, so that its client presents its key again.
const MUST_ASK_AGAIN = 4401;
const REASON = 'present the key again';

// What an answer says of shared caches by itself (RFC 9111, section 3.5).
// A word inside of quotation marks is no directive.
const QUOTED = /"(?:[^"\\]|\\.)*(?:"|$)/g;
const SAYS_ITSELF = /(?:^|[\s,])(?:private|no-store|public|s-maxage|must-revalidate)(?:$|[\s,=])/i;

/**
 * The origin's answer. `base` is the origin's address, `headers` the client's fields without those
 * that no origin gets.
 */
export function send(request, base, headers, plan) {
  const target = base + (plan[TARGET] || targetOf(request.url));
  const sent = fetch(target, initOf(request, headers, plan));
  // Most answers go on as they come, and cost no further turn.
  const [told, flags] = plan;
  if (told === '' && !flags.includes('p') && !flags.includes('o')) return sent;
  return sent.then((answer) => answered(answer, plan, 0));
}

/** The same request for a Worker that sends it on itself. */
export function onward(request, base, headers, plan) {
  return new Request(base + (plan[TARGET] || targetOf(request.url)), initOf(request, headers, plan));
}

/** An answer as the client gets it. After `seconds`, if that is not 0, one that goes on is ended. */
export function answered(answer, plan, seconds) {
  const flags = plan[FLAGS];
  const lines = plan[ANSWERED] === '' ? [] : plan[ANSWERED].split('\n');
  if (answer.webSocket) return socketOf(answer, flags, seconds);
  const caching = flags.includes('p') ? privately(answer) : undefined;
  if (seconds === 0 && lines.length === 0 && caching === undefined) return answer;
  const copy = seconds === 0 ? new Response(answer.body, answer) : endAfter(answer, seconds);
  for (let at = 0; at < lines.length; at += 2) copy.headers.set(lines[at], lines[at + 1]);
  if (caching !== undefined) copy.headers.set('cache-control', caching);
  return copy;
}

// Redirects are the client's to follow. The method is the one that was verified: no field can make
// another of it, for those that could are not among `headers`.
function initOf(request, headers, plan) {
  for (let at = FIELDS; at < plan.length; at += 2) {
    if (plan[at + 1] === '') headers.delete(plan[at]);
    else headers.set(plan[at], plan[at + 1]);
  }
  const { method } = request;
  // Of these two one that has come is empty, or the request was refused.
  const body = method === 'GET' || method === 'HEAD' ? null : request.body;
  const init = { method, headers, redirect: 'manual' };
  if (body !== null) init.body = body;
  if (plan[FLAGS].includes('u') && isCached(request)) init.cache = 'no-store';
  // So that a body that is cut off later goes on as it came, in its own encoding and length.
  if (plan[FLAGS].includes('m')) init.encodeResponseBody = 'manual';
  return init;
}

// Whether the platform keeps answers of origins: Cloudflare does. workerd by itself, which alone tells
// where a connection comes from, keeps none, and there the mode would cost a sixth of a request.
let cached;
function isCached(request) {
  cached ??= request.cf?.clientIp === undefined;
  return cached;
}

// The Cache-Control of an answer that is for one key alone, unless it says itself who may keep it.
function privately({ headers }) {
  const said = headers.get('cache-control');
  if (said === null || said === '') return 'private';
  return SAYS_ITSELF.test(said.replace(QUOTED, '')) ? undefined : `${said}, private`;
}

// Browsers ask for a choice among the subprotocols that they offer.
function socketOf(answer, flags, seconds) {
  const chooses = flags.includes('o') && !answer.headers.has('sec-websocket-protocol');
  if (seconds === 0 && !chooses) return answer;
  const headers = new Headers(answer.headers);
  if (chooses) headers.set('sec-websocket-protocol', 'portcullis');
  const webSocket = seconds === 0 ? answer.webSocket : relayed(answer.webSocket, seconds * 1000);
  return new Response(null, { status: 101, webSocket, headers });
}

// What follows the host: it is sent as it was verified.
function targetOf(url) {
  return url.slice(url.indexOf('/', url.indexOf('//') + 2));
}

// An answer whose body breaks off after `seconds`.
function endAfter(response, seconds) {
  // Its encoding and length stay as they came: only the bytes stop.
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

// With its length, so that a body that breaks off is seen to be incomplete. One without a length
// workerd ends as if it were complete, also when the origin breaks off.
function streamFor({ headers }) {
  const length = headers.get('content-length');
  return length === null ? new IdentityTransformStream() : new FixedLengthStream(Number(length));
}

function relayed(origin, millis) {
  const { 0: outer, 1: inner } = new WebSocketPair();
  const sides = [inner, origin];
  const timer = setTimeout(() => sides.forEach((side) => close(side, MUST_ASK_AGAIN, REASON)), millis);
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
  // 1005 and 1006 say that no code came, and must not be sent.
  const sendable = code >= 1000 && ![1004, 1005, 1006, 1015].includes(code);
  try {
    if (sendable) socket.close(code, reason);
    else socket.close();
  } catch {
    // It is closed already.
  }
}
