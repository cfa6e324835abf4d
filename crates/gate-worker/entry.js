// The Worker's entry: the gate, and the list that was deployed with it.
//
// `bundle.bin` is empty, or what the issuer serves as its bundle: so that an isolate that
// starts has keyring, floor and bodies, and needs one stamp.
//
// A good key passes by one synchronous call; whatever needs more than a look is the handler's. It
// holds the state: where a panic has ended it, the next call makes a new one, which holds nothing
// and lets nothing pass.
//
// What costs here is objects of the runtime: a second Request, an iterator, each header that is set.

import bundle from './bundle.bin';
import Gate, { Hot } from './build/index.js';

globalThis.PORTCULLIS_BUNDLE = bundle;

// Not through `Hot` at each call: it is a Proxy.
const { glance, origin, unreachable, wake } = Hot;

let base;

export default {
  fetch(request, env, ctx) {
    return pass(request) ?? new Gate(ctx, env).fetch(request);
  },
  scheduled(event, env, ctx) {
    return new Gate(ctx, env).scheduled(event);
  },
  queue(batch, env, ctx) {
    return new Gate(ctx, env).queue(batch);
  },
};

/** The origin's answer, where the key is good at a glance. */
function pass(request) {
  const { method, url, headers: came } = request;
  if (method === 'OPTIONS') return;
  const headers = new Headers(came);
  let authorization = '';
  let apiKey = '';
  let publishable = '';
  let page = '';
  let address = '';
  for (const name of came.keys()) {
    switch (name) {
      case 'authorization':
        authorization = came.get(name);
        break;
      case 'x-api-key':
        apiKey = came.get(name);
        break;
      case 'x-publishable-api-key':
        publishable = came.get(name);
        break;
      case 'origin':
        page = came.get(name);
        break;
      case 'cf-connecting-ip':
        address = came.get(name);
        break;
      case 'portcullis-debug':
        return;
      default:
        if (isReserved(name)) headers.delete(name);
    }
  }
  const asked = `${method}\n${url}\n${authorization}\n${apiKey}\n${publishable}\n${page}\n${address}`;
  const changes = look(asked);
  if (changes === undefined) return;
  for (let at = 1; at < changes.length; at += 2) {
    if (changes[at + 1] === '') headers.delete(changes[at]);
    else headers.set(changes[at], changes[at + 1]);
  }
  const target = base + url.slice(url.indexOf('/', url.indexOf('//') + 2));
  const answer = send(request, target, method, headers);
  const [told] = changes;
  return told === '' ? answer.catch(unreached) : answer.then((answer) => telling(answer, told), unreached);
}

function unreached({ message }) {
  return unreachable(String(message));
}

/** The origin's answer, with what the client is told beside it. */
function telling(answer, told) {
  if (answer.webSocket) return answer;
  const copy = new Response(answer.body, answer);
  const lines = told.split('\n');
  for (let at = 0; at < lines.length; at += 2) copy.headers.set(lines[at], lines[at + 1]);
  return copy;
}

function look(asked) {
  try {
    const changes = glance(asked, Date.now());
    if (changes !== undefined) base ??= origin();
    return changes;
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

// A request without a body is made once, by `fetch`. One with a body is copied first: as a stream
// of its own it would lose its length. Redirects are the client's to follow.
function send(request, target, method, headers) {
  if (request.body === null) return fetch(target, { method, headers, redirect: 'manual' });
  return fetch(new Request(target, request), { headers });
}

// As `is_reserved` of the gate has it; names come in lower case here.
function isReserved(name) {
  return name === 'connection' || (name.startsWith('portcullis') && (name.length === 10 || '-_'.includes(name[10])));
}
