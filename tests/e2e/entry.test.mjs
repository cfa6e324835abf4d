// The Worker's entry: which requests take the fast path, and with which fields. `entry.js` alone, with
// a stand-in for the module that it calls.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { beforeEach, test } from 'node:test';

const SOURCE = await readFile(new URL('../../crates/gate-worker/entry.js', import.meta.url), 'utf8');
const [PASS_ON, REMOVE, READ, READ_AND_REMOVE, REFUSE] = [0, 1, 2, 3, 4];
const RULES = {
  authorization: READ,
  'portcullis-owner': REMOVE,
  upgrade: READ_AND_REMOVE,
  'portcullis.owner': REFUSE,
};

let copies = 0;
let entry, module, asked, sent;

// Each test has an entry of its own, because an entry remembers.
beforeEach(async () => {
  [asked, sent] = [[], []];
  module = {
    origin: () => 'https://origin.example',
    needs_peer: () => true,
    rule: (name) => RULES[name] ?? PASS_ON,
    plan: (text) => {
      asked.push(text);
      return ['', '', ''];
    },
    sender: () => (request, base, fields, plan) => {
      const headers = {};
      for (let at = 0; at < fields.length; at += 2) headers[fields[at]] = fields[at + 1];
      sent.push({ base, headers, plan });
      return module.lost ? Promise.reject(module.lost) : Promise.resolve('the origin');
    },
    unreachable: (...given) => ['unreachable', ...given],
    wake: () => (module.woken = true),
  };
  globalThis.PORTCULLIS_STUB = {
    FastPath: new Proxy({}, { get: (_, name) => (...given) => module[name](...given) }),
    Gate: class {
      fetch() {
        return 'the handler';
      }
    },
  };
  const stubbed = SOURCE.replace(/^import bundle .*$/m, 'const bundle = undefined;').replace(
    /^import Gate, .*$/m,
    `const { FastPath, Gate } = globalThis.PORTCULLIS_STUB; // ${(copies += 1)}`,
  );
  assert.ok(!/^import /m.test(stubbed), 'every import has a stand-in');
  ({ default: entry } = await import(`data:text/javascript,${encodeURIComponent(stubbed)}`));
});

const ask = (headers = {}, { method = 'GET', body = null } = {}) =>
  entry.fetch(
    { method, url: 'https://api.example/a?b', headers: new Headers(headers), body, cf: { clientIp: '192.0.2.9:1' } },
    {},
    {},
  );

test('what is decided on is the request, and every field that is read', async () => {
  assert.equal(await ask({ authorization: 'Bearer a', 'x-custom': '1' }, { method: 'POST', body: {} }), 'the origin');
  assert.deepEqual(asked, ['POST\nhttps://api.example/a?b\n192.0.2.9:1\n1\nauthorization\nBearer a']);
});

test('a field that no origin gets is taken out', () => {
  ask({ 'portcullis-owner': '1', upgrade: 'h2c', 'x-custom': '1', authorization: 'Bearer a' });
  assert.deepEqual(sent[0].headers, { authorization: 'Bearer a', 'x-custom': '1' });
  assert.ok(asked[0].includes('\nupgrade\nh2c') && !asked[0].includes('portcullis-owner'));
});

test('a field that text would alter leaves the request to the handler', () => {
  const whole = [{ cookie: 'a=1; b=2' }, { accept: 'text/html, */*' }, { 'x-name': 'J\u00fcrgen' }];
  for (const headers of whole) ask(headers);
  assert.equal(sent.length, whole.length);
  // Headers of Node take no such value, and join no cookies.
  const came = (name, value) => ({ forEach: (see) => see(value, name) });
  const altered = [
    ['cookie', 'a=1, b=2'],
    ['x-name', 'J\ufffdrgen'],
    ['__proto__', '1'],
    ['set-cookie', 'a=1'],
  ];
  for (const [name, value] of altered) {
    const request = { method: 'GET', url: 'https://api.example/', headers: came(name, value), body: null };
    assert.equal(entry.fetch(request, {}, {}), 'the handler', name);
  }
  assert.equal(sent.length, whole.length);
});

test('an origin that is not reached is answered for, and a page can read the answer', async () => {
  RULES.origin = READ;
  module.lost = new Error('refused');
  assert.deepEqual(await ask(), ['unreachable', 'refused', '']);
  const page = 'https://shop.example';
  assert.deepEqual(await ask({ origin: page }), ['unreachable', 'refused', page]);
});

test('a field that is refused leaves the request to the handler', () => {
  assert.equal(ask({ 'portcullis.owner': '1' }), 'the handler');
  assert.deepEqual([asked, sent], [[], []]);
});

test('whatever is not forwarded at once is for the handler', () => {
  module.plan = () => undefined;
  assert.equal(ask(), 'the handler');
  assert.equal(ask({}, { method: 'OPTIONS' }), 'the handler');
  assert.deepEqual(sent, []);
});

test('a call that breaks down leaves the request to the handler, and what was held is let go', () => {
  module.plan = () => {
    throw new WebAssembly.RuntimeError('unreachable');
  };
  assert.equal(ask(), 'the handler');
  assert.equal(module.woken, true);
  assert.deepEqual(sent, []);
});

test('before the gate has its settings nothing goes the short way', () => {
  module.origin = () => undefined;
  assert.equal(ask(), 'the handler');
  assert.deepEqual([asked, sent], [[], []]);
});

test('rules that are remembered have an end', () => {
  let learned = 0;
  module.rule = () => {
    learned += 1;
    return PASS_ON;
  };
  for (let name = 0; name < 1025; name++) ask({ [`x-${name}`]: '1' });
  const before = learned;
  ask({ 'x-0': '1' });
  assert.equal(learned, before + 1, 'the first was forgotten');
});
