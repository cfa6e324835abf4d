// How a decision is carried out: what goes to the origin, and how its answer comes back. The gate's
// `forward.js` alone, with the runtime's `fetch` in its place.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { before, beforeEach, test } from 'node:test';

const ORIGIN = 'https://origin.example';
const { Response: RealResponse } = globalThis;
const KEY = 'sk_live_key';
let forward, sent;

before(async () => {
  const source = await readFile(new URL('../../crates/gate-worker/src/forward.js', import.meta.url));
  forward = await import(`data:text/javascript;base64,${source.toString('base64')}`);
});

beforeEach(() => {
  sent = [];
  globalThis.Response = RealResponse;
  globalThis.fetch = async (target, init) => {
    sent.push({ target, ...init, headers: new Headers(init.headers) });
    return new Response('an answer');
  };
});

/** A plan as the gate writes it; fields are names and values, an empty value takes one out. */
const plan = ({ told = [], flags = '', target = '', fields = [] } = {}) => [told.join('\n'), flags, target, ...fields];
const request = (method, url, body = null) => ({ method, url, body });

async function ask(asked, what, headers = {}) {
  const answer = await forward.send(asked, ORIGIN, new Headers(headers), plan(what));
  return { answer, ...sent.at(-1) };
}

/** What a cache is told of the answer to a request with these flags. */
function caching(flags, said) {
  const answer = new Response('', { headers: said === undefined ? {} : { 'cache-control': said } });
  return forward.answered(answer, plan({ flags }), 0).headers.get('cache-control');
}

test('fields are set and taken out as the plan says', async () => {
  const fields = ['authorization', '', 'x-forwarded-for', '192.0.2.9', 'portcullis', 'key=apk_1'];
  const { headers } = await ask(request('GET', 'https://api.example/'), { fields }, {
    authorization: `Bearer ${KEY}`,
    'x-forwarded-for': '10.0.0.1',
    'x-custom': '1',
  });
  assert.deepEqual(Object.fromEntries(headers), {
    portcullis: 'key=apk_1',
    'x-custom': '1',
    'x-forwarded-for': '192.0.2.9',
  });
});

test('the target is the one that was verified', async () => {
  const came = request('GET', `https://api.example//a/b;c?key=${KEY}&x=1`);
  assert.equal((await ask(came, {})).target, `${ORIGIN}//a/b;c?key=${KEY}&x=1`);
  assert.equal((await ask(came, { target: '//a/b;c?x=1' })).target, `${ORIGIN}//a/b;c?x=1`);
});

test('the method is the one that was verified', async () => {
  for (const method of ['GET', 'POST', 'DELETE', 'M-SEARCH']) {
    assert.equal((await ask(request(method, 'https://api.example/'), {})).method, method);
  }
});

test('a redirect of the origin is for the client to follow', async () => {
  assert.equal((await ask(request('GET', 'https://api.example/'), {})).redirect, 'manual');
});

test('a request with a key passes the cache by', async () => {
  assert.equal((await ask(request('GET', 'https://api.example/'), { flags: 'u' })).cache, 'no-store');
  assert.equal((await ask(request('GET', 'https://api.example/'), {})).cache, undefined);
});

test('an answer for one key alone says so', () => {
  assert.equal(caching('p'), 'private');
  assert.equal(caching('p', 'max-age=60'), 'max-age=60, private');
  for (const said of ['public, max-age=60', 'no-store', 'private', 's-maxage=9', 'max-age=1,must-revalidate']) {
    assert.equal(caching('p', said), said);
  }
  assert.equal(caching('', 'max-age=60'), 'max-age=60');
  assert.equal(caching('p', 'x-private-label=1'), 'x-private-label=1, private');
});

test('a client is told what is left of its limit', async () => {
  const told = ['ratelimit', '"gold";r=1;t=2', 'ratelimit-policy', '"gold";q=2;w=2'];
  const answer = forward.answered(new Response('', { headers: { ratelimit: 'of the origin' } }), plan({ told }), 0);
  assert.equal(answer.headers.get('ratelimit'), '"gold";r=1;t=2');
});

test('a body ends when its time is over, and before that is complete', async () => {
  globalThis.IdentityTransformStream = TransformStream;
  let timer;
  const start = (to) => void (timer = setInterval(() => to.enqueue(new Uint8Array(1)), 20));
  const drip = new ReadableStream({ start });
  const endless = forward.answered(new Response(drip), plan({ flags: 'm' }), 0.2);
  const reader = endless.body.getReader();
  const late = new Promise((resolve) => setTimeout(resolve, 2_000, 'late').unref());
  const read = async () => {
    while (!(await reader.read()).done);
  };
  const end = await Promise.race([read().catch(() => 'ended'), late]);
  clearInterval(timer);
  assert.equal(end, 'ended');
  const short = forward.answered(new Response('whole'), plan({ flags: 'm' }), 60);
  assert.equal(await short.text(), 'whole');
});

test('a browser gets a choice among its subprotocols', () => {
  const status = 101;
  globalThis.Response = class {
    constructor(body, init) {
      Object.assign(this, { body, ...init });
    }
  };
  const socket = (headers) => ({ status, webSocket: {}, headers: new Headers(headers) });
  const chosen = (flags, headers) =>
    forward.answered(socket(headers), plan({ flags }), 0).headers.get('sec-websocket-protocol');
  assert.equal(chosen('o', {}), 'portcullis');
  assert.equal(chosen('o', { 'sec-websocket-protocol': 'chat' }), 'chat');
  assert.equal(chosen('', {}), null);
});

test('a WebSocket is closed on both sides when its time is over, with a code of its own', async () => {
  const side = () => ({
    closed: [],
    accept() {},
    addEventListener() {},
    close(...how) {
      this.closed.push(how);
    },
  });
  const [outer, inner, origin] = [side(), side(), side()];
  globalThis.WebSocketPair = class {
    0 = outer;
    1 = inner;
  };
  globalThis.Response = class {
    constructor(body, init) {
      Object.assign(this, init);
    }
  };
  const answer = { webSocket: origin, headers: new Headers() };
  const relayed = forward.answered(answer, plan({ flags: 'm' }), 0.05);
  assert.equal(relayed.webSocket, outer);
  assert.deepEqual(origin.closed, []);
  await new Promise((resolve) => setTimeout(resolve, 300));
  for (const { closed } of [inner, origin]) assert.deepEqual(closed, [[4401, 'present the key again']]);
});

test('workerd by itself keeps no answers, and is not told to pass a cache by', async () => {
  // It is known once for all requests: another copy of the file has not seen any.
  const source = await readFile(new URL('../../crates/gate-worker/src/forward.js', import.meta.url), 'utf8');
  const alone = await import(`data:text/javascript,${encodeURIComponent(`${source}// alone`)}`);
  const own = { ...request('GET', 'https://api.example/'), cf: { clientIp: '192.0.2.9:1' } };
  await alone.send(own, ORIGIN, new Headers(), plan({ flags: 'u' }));
  assert.equal(sent.at(-1).cache, undefined);
});
