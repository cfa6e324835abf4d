// The Worker's entry: the gate, and the list that was deployed with it.
//
// `bundle.bin` is empty, or what the issuer serves as its bundle: so that an isolate that
// starts has keyring, floor and bodies, and needs one stamp.
//
// A good key passes by one synchronous call; whatever needs more than a look is the handler's. It
// holds the state: where a panic has ended it, the next call makes a new one, which holds nothing
// and lets nothing pass.

import bundle from './bundle.bin';
import Gate, { Hot } from './build/index.js';

globalThis.PORTCULLIS_BUNDLE = bundle;

let origin;

export default {
  fetch(request, env, ctx) {
    const lines = glance(request);
    if (lines === undefined) return new Gate(ctx, env).fetch(request);
    return fetch(onward(request, lines)).catch(({ message }) => Hot.unreachable(String(message)));
  },
};

function glance({ method, url, headers }) {
  const value = (name) => headers.get(name) ?? '';
  const asked = `${method}\n${url}\n${value('authorization')}\n${value('x-api-key')}\n${value('x-publishable-api-key')}\n${value('origin')}\n${value('cf-connecting-ip')}\n${value('access-control-request-method')}\n${headers.has('portcullis-debug') ? 1 : ''}`;
  try {
    const lines = Hot.glance(asked, Date.now());
    if (lines !== undefined) origin ??= Hot.origin();
    return lines;
  } catch {
    revive();
    return undefined;
  }
}

function revive() {
  try {
    Hot.wake();
  } catch {
    // Then the handler says so.
  }
}

// The request as the origin gets it. A request as the second argument hands on method, body and
// headers; what arrives at a Worker follows no redirects, so those are the client's to follow.
function onward(request, lines) {
  const { url } = request;
  const copy = new Request(origin + url.slice(url.indexOf('/', url.indexOf('//') + 2)), request);
  const { headers } = copy;
  for (const name of request.headers.keys()) if (isReserved(name)) headers.delete(name);
  const [taken, ...said] = lines.split('\n');
  for (const name of taken.split(' ')) if (name) headers.delete(name);
  for (let at = 0; at + 1 < said.length; at += 2) headers.set(said[at], said[at + 1]);
  return copy;
}

// As `is_reserved` of the gate has it; names come in lower case here.
function isReserved(name) {
  return name === 'connection' || (name[0] === 'p' && name.replaceAll('_', '-').startsWith('portcullis-'));
}
