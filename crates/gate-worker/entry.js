// The Worker's entry: the gate, and the list that was deployed with it.
//
// `bundle.bin` is either empty or the issuer's bundle. With a bundle, a new isolate starts with
// keyring, floor and bodies, and needs only one stamp.
//
// A valid key takes one synchronous call (the fast path); everything else goes to the handler. The
// handler holds the state. If a panic destroyed it, the next call makes a new one, which holds no
// list and refuses every request until it has one.
//
// The main cost here is creating runtime objects: a second Request, another Headers, an iterator.
// So fields are passed on as names and values.

import bundle from './bundle.bin';
import Gate, { FastPath } from './build/index.js';

globalThis.PORTCULLIS_BUNDLE = bundle;

// Bound once, because `FastPath` is a Proxy and each access through it costs.
const { plan, rule, origin, needs_peer: needsPeer, sender, unreachable, wake } = FastPath;

// The results of `rule`.
const PASS_ON = 0;
const REMOVE = 1;
const READ = 2;
const READ_AND_REMOVE = 3;
const REFUSE = 4;

// The fast path sends fields as a plain object. That can't hold a field `__proto__`, nor
// `set-cookie` more than once, so requests with these go to the handler.
const UNLISTED = new Set(['__proto__', 'set-cookie']);

// The rules of the field names seen so far. Clients choose names, so the cache is bounded.
const MAX_RULES = 1024;
const rules = new Map();

// From the gate's settings, once they are loaded: the origin's address, whether the plan needs the
// peer's address, and the function that sends.
let base;
let hasPeer;
let send;

export default {
  fetch(request, env, ctx) {
    return forward(request) ?? new Gate(ctx, env).fetch(request);
  },
  scheduled(event, env, ctx) {
    return new Gate(ctx, env).scheduled(event);
  },
  queue(batch, env, ctx) {
    return new Gate(ctx, env).queue(batch);
  },
};

/** The origin's answer if the request can be forwarded on the fast path, else undefined. */
function forward(request) {
  if (base === undefined && !begin()) return;
  const { method, url, headers, body } = request;
  if (method === 'OPTIONS') return;
  // Collect the fields to send and those that the plan reads.
  const fields = [];
  let read = '';
  let page = '';
  let isForHandler = false;
  // An iterator would create an object per field.
  headers.forEach((value, name) => {
    const known = rules.get(name) ?? learn(name);
    if (known === PASS_ON || known === READ) {
      if (isAltered(name, value)) isForHandler = true;
      fields.push(name, value);
    } else if (known !== REMOVE && known !== READ_AND_REMOVE) {
      isForHandler = true;
    }
    if (known === READ || known === READ_AND_REMOVE) read += `\n${name}\n${value}`;
    if (name === 'origin') page = value;
  });
  if (isForHandler) return;
  const peer = hasPeer ? (request.cf?.clientIp ?? '') : '';
  // The module verifies the key and plans the request.
  const planned = planFor(`${method}\n${url}\n${peer}\n${body === null ? '' : '1'}${read}`);
  if (planned === undefined) return;
  const answer = send(request, base, fields, planned, { method, url, body });
  return answer.catch(page === '' ? unreached : (error) => unreached(error, page));
}

// The engine knows for most strings, without a scan, that they can't contain this character.
const LOST = /\ufffd/;

// Whether the field as text differs from what was received: bytes that are not UTF-8, or a `Cookie`
// of several lines, which must not be joined with a comma (RFC 6265, section 5.4).
function isAltered(name, value) {
  return LOST.test(value) || (name === 'cookie' && value.includes(', '));
}

function unreached({ message }, page = '') {
  return unreachable(String(message), page);
}

// Each of these three functions calls the module itself, and not through one shared function: the
// engine inlines a call that has a single target. After a panic nothing is known about the request,
// so it goes to the handler.

function planFor(text) {
  try {
    return plan(text, Date.now());
  } catch {
    revive();
    return undefined;
  }
}

function begin() {
  try {
    hasPeer = needsPeer();
    send = sender();
    base = origin();
    return base !== undefined;
  } catch {
    revive();
    return false;
  }
}

function learn(name) {
  try {
    const known = UNLISTED.has(name) ? REFUSE : rule(name);
    if (rules.size >= MAX_RULES) rules.clear();
    if (known !== undefined) rules.set(name, known);
    return known;
  } catch {
    revive();
    return undefined;
  }
}

function revive() {
  try {
    wake();
  } catch {
    // The handler reports it.
  }
}
