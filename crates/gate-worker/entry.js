// The Worker's entry: the gate, and the list that was deployed with it.
//
// `bundle.bin` is empty, or what the issuer serves as its bundle: so that an isolate that
// starts has keyring, floor and bodies, and needs one stamp.
//
// A good key passes by one synchronous call; whatever needs more is the handler's. The handler
// holds the state: if a panic has ended it, the next call makes a new one, which holds nothing
// and lets nothing pass.
//
// What costs here is objects of the runtime: a second Request, Headers of our own, an iterator. So
// fields go on as names and values.

import bundle from './bundle.bin';
import Gate, { FastPath } from './build/index.js';

globalThis.PORTCULLIS_BUNDLE = bundle;

// Not through `FastPath` at each call: it is a Proxy.
const { plan, rule, origin, needs_peer: needsPeer, sender, unreachable, wake } = FastPath;

// What `rule` answers.
const PASS_ON = 0;
const REMOVE = 1;
const READ = 2;
const READ_AND_REMOVE = 3;
const REFUSE = 4;

// A plain object can't hold a field of the first name, and of the second only one: the handler sends them.
const UNLISTED = new Set(['__proto__', 'set-cookie']);

// The rules of the names that came so far. Clients choose names, so there is an end to it.
const MOST_RULES = 1024;
const rules = new Map();

// Of the gate's settings, once it has them: where requests go, and whether the peer is asked for.
let base;
let peers;
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

/** The origin's answer, if the request is forwarded at once. */
function forward(request) {
  if (base === undefined && !begin()) return;
  const { method, url, headers: came, body } = request;
  if (method === 'OPTIONS') return;
  const fields = [];
  let read = '';
  let page = '';
  let isHandlers = false;
  // An iterator would cost an object for each field.
  came.forEach((value, name) => {
    const known = rules.get(name) ?? learn(name);
    if (known === PASS_ON || known === READ) {
      if (isAltered(name, value)) isHandlers = true;
      fields.push(name, value);
    } else if (known !== REMOVE && known !== READ_AND_REMOVE) {
      isHandlers = true;
    }
    if (known === READ || known === READ_AND_REMOVE) read += `\n${name}\n${value}`;
    if (name === 'origin') page = value;
  });
  if (isHandlers) return;
  const peer = peers ? (request.cf?.clientIp ?? '') : '';
  const found = planFor(`${method}\n${url}\n${peer}\n${body === null ? '' : '1'}${read}`);
  if (found === undefined) return;
  const answer = send(request, base, fields, found, { method, url, body });
  return answer.catch(page === '' ? unreached : (error) => unreached(error, page));
}

// The engine knows of most texts at once that no such sign is in them.
const LOST = /\ufffd/;

// Whether a field as text is not what came: bytes that are no UTF-8, or a `Cookie` of several lines,
// which no comma may join (RFC 6265, section 5.4).
function isAltered(name, value) {
  return LOST.test(value) || (name === 'cookie' && value.includes(', '));
}

function unreached({ message }, page = '') {
  return unreachable(String(message), page);
}

// Each of these three calls the module by itself, and not by way of one function for all: the engine
// inlines a call that has one target. After a panic nothing is known of the request: the handler
// looks at it.

function planFor(asked) {
  try {
    return plan(asked, Date.now());
  } catch {
    revive();
    return undefined;
  }
}

function begin() {
  try {
    peers = needsPeer();
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
    if (rules.size >= MOST_RULES) rules.clear();
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
    // Then the handler says so.
  }
}
