// Cases by a small grammar: requests of random parts, the same each time, and what the model of docs/request.md
// expects of them. `node tests/gate-cases/generate.mjs` writes them to `generated/`.

import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';

import { chosen, expected, isHandshake, RULED } from './model.mjs';
import { readGates } from './read.mjs';

const SEED = 20_240_601;
const STATUSES = {
  malformed_method: 400,
  malformed_target: 400,
  method_override: 400,
  unexpected_body: 400,
  ambiguous_parameter: 400,
  ambiguous_header: 400,
  two_keys: 400,
  no_key: 401,
  wrong_kind: 401,
  malformed_character: 401,
  malformed_prefix: 401,
  bad_signature: 401,
  scope_missing: 403,
  ambiguous_path: 404,
  no_route: 404,
};
const METHODS = ['GET', 'GET', 'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'QUERY', 'TRACE'];
const SIGNS = ['_', '.', '!', '#', '$', '%', '&', "'", '*', '+', '^', '`', '|', '~'];
const UPGRADES = [
  [['Upgrade', 'websocket']],
  [['Upgrade', 'WebSocket'], ['Connection', 'close']],
  [['Upgrade', 'h2c'], ['Connection', 'Upgrade']],
  [['Upgrade', 'websocket, h2c'], ['Sec-WebSocket-Version', '13']],
  [['Upgrade', 'h2c, websocket'], ['Sec-WebSocket-Key', 'BwcHBwcHBwcHBwcHBwcHBw==']],
];
const HONEST = [
  ['Accept', 'application/json'],
  ['Cookie', 'a=1; b=2'],
  ['X-Request-Id', '7f0c'],
  ['x_custom', '1'],
  ['X-Custom.Name', '2'],
  ['traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'],
  ['If-None-Match', '"a"'],
  ['Range', 'bytes=0-9'],
  ['User-Agent', 'x/1'],
  ['X-Portcullis', '1'],
  ['Cache-Control', 'max-age=0'],
];
const JWT = 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.x';
const CREDENTIALS = [
  [],
  [['Authorization', 'Bearer {{sk}}']],
  [['Authorization', 'Bearer {{sk}}']],
  [['X-API-Key', '{{sk}}']],
  [['Authorization', 'Basic {{basic:sk}}']],
  [['x-publishable-api-key', '{{pk}}']],
  [['Authorization', 'Bearer {{sk}}'], ['x-publishable-api-key', '{{pk}}']],
  [['Authorization', 'Bearer {{sk}}'], ['X-API-Key', '{{sk}}']],
  [['Authorization', 'Bearer {{sk}}'], ['X-API-Key', '{{sk-two}}']],
  [['Authorization', JWT], ['X-API-Key', '{{sk}}']],
];
const PATHS = {
  plain: ['/', '/orders/7', '/a//b', '/a/%2F/b', '/%7Ea', '/a;b=c'],
  peer: ['/', '/orders/7'],
  shop: [
    ...['/open/x', '/pub/x', '/both/x', '/header/x', '/bearer/x', '/keep/x', '/cached/x'],
    ...['/api/x', '/api/x', '/admin/x', '/query/x', '/form', '/none'],
  ],
  'catch-all': ['/admin/users', '/admin', '/status', '/v1/orders/7', '/files/a.json', '/Orders/A7', '/caf%C3%A9/x', '/'],
};
PATHS.exact = PATHS['catch-all'];
PATHS.order = ['/admin.css', '/admin/users', '/pub/x', '/pub/y.json', '/v1/7/items', '/v1/7', '/Other/Path'];

/** Fields that the host makes, or that another subject is about. */
const NOT_MADE = ['host', 'content-length', 'transfer-encoding', 'authorization', 'origin', 'expect', 'upgrade'];
/** What the requests are about, and the kind of such cases. */
const KINDS = {
  method: 'method',
  paths: 'paths',
  parameters: 'parameters',
  fields: 'target-headers',
  keys: 'keys-taken-out',
  handshakes: 'websocket',
};
const SUBJECTS = Object.keys(KINDS);
const GATES = {
  method: ['plain', 'shop', 'peer'],
  paths: ['catch-all', 'exact', 'order', 'plain'],
  parameters: ['shop'],
  fields: ['plain', 'shop', 'peer'],
  keys: ['shop', 'shop', 'plain'],
  handshakes: ['shop', 'shop', 'plain'],
};

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

class Grammar {
  constructor(seed) {
    this.next = random(seed);
  }

  below = (count) => Math.floor(this.next() * count);
  one = (list) => list[this.below(list.length)];
  sometimes = (share) => this.next() < share;

  /** A request about `subject`; what it has beside that is honest. */
  request(gate, subject) {
    const method = subject === 'method' ? this.one(METHODS) : this.one(['GET', 'GET', 'POST', 'DELETE']);
    const fields = subject === 'keys' ? [] : [...this.one(CREDENTIALS)];
    for (let count = this.below(3); count > 0; count--) this.add(fields, this.one(HONEST));
    let path = this.one(PATHS[gate]);
    let query = this.sometimes(0.3) ? this.one(['a=1', 'filter[a][b]=c&d=e;f', 'q=%7E%20+', "s='<x>'"]) : undefined;
    if (subject === 'method') this.upgrade(fields, method);
    if (subject === 'paths') for (let count = this.sometimes(0.4) ? 2 : 1; count > 0; count--) path = this.respelled(path);
    if (subject === 'parameters') query = this.parameters();
    if (subject === 'handshakes') this.handshake(fields);
    if (subject === 'keys') query = this.keys(fields);
    if (subject === 'fields') for (let count = 1 + this.below(3); count > 0; count--) this.add(fields, this.ruled(method));
    const hasBody = ['POST', 'PUT', 'PATCH', 'QUERY'].includes(method) ? this.sometimes(0.7) : this.sometimes(0.05);
    return { method, path, query, fields, body: hasBody ? 'hello' : undefined };
  }

  /** Adds a field, unless one of that name is there: what two of them mean is another subject. */
  add(fields, [name, value]) {
    if (!fields.some(([known]) => known.toLowerCase() === name.toLowerCase())) fields.push([name, value]);
  }

  upgrade(fields, method) {
    if (this.sometimes(0.8)) for (const field of this.one(UPGRADES)) this.add(fields, field);
    if (method === 'OPTIONS' && this.sometimes(0.7)) {
      this.add(fields, ['Origin', 'https://shop.example']);
      this.add(fields, ['Access-Control-Request-Method', 'POST']);
    }
    if (this.sometimes(0.1)) this.add(fields, ['X-HTTP-Method-Override', this.one(['DELETE', method])]);
  }

  respelled(path) {
    const isEscape = (at) => path[at - 1] === '%' || path[at - 2] === '%';
    const letters = [...path.matchAll(/[a-z]/g)].map(({ index }) => index).filter((at) => !isEscape(at));
    const at = letters.length > 0 ? this.one(letters) : -1;
    const change = (text) => (at < 0 ? path : path.slice(0, at) + text + path.slice(at + 1));
    const segment = (end) => path.replace(/^(\/[^/]+)/, `$1${end}`);
    const ways = [
      () => change(path[at].toUpperCase()),
      () => change(`%${path.charCodeAt(at).toString(16)}`),
      () => path.toUpperCase(),
      () => `${path}/`,
      () => `${path}.json`,
      () => segment('%20'),
      () => segment('.'),
      () => segment(';a=b'),
      () => `/${path}`,
      () => `${path}%2f..`,
      () => `${path}/%2e%2E/x`,
      () => path.replace(/[^/]+$/, '%20'),
      () => `${path}%00`,
      () => `${path}%e0%80%ae`,
      () => `${path}%C3%A4`,
      () => `${path}-x`,
      () => `${path}~`,
    ];
    const changed = this.one(at < 0 ? ways.slice(2) : ways)();
    return changed.startsWith('/') ? changed : path;
  }

  parameters() {
    const list = [
      ...['a=1', 'filter[x][y]=2', 'b.c=3', '_method=PUT'],
      `${this.spelled('api_key')}=${this.one(['abc', '{{sk}}'])}`,
      `${this.spelled('sales_channel_id')}=sc_1`,
    ];
    const count = 1 + this.below(3);
    return Array.from({ length: count }, () => this.one(list)).join('&');
  }

  /** A parameter's name as it is, as a server may fold it, or as the name of another one. */
  spelled(name) {
    const at = this.one([...name.matchAll(/_/g)].map(({ index }) => index));
    const sign = (text) => name.slice(0, at) + text + name.slice(at + 1);
    return this.one([
      ...[name, `${name}[]`, `${name}[0]`, sign('%5F')],
      ...[sign('.'), sign('-'), sign('+'), sign('%255F'), sign('%C1%9F'), name.toUpperCase()],
      ...[`[${name}]`, `${name}[a]`, `${name}[][]`, `a;${name}`],
      ...[sign(''), `my_${name}`, `${name}s`],
    ]);
  }

  /** A field that has a rule, or one whose name only folds into one. */
  ruled(method) {
    const name = this.one(RULED.filter((known) => !NOT_MADE.includes(known)));
    const named = ['close', 'keep-alive, x-hop', 'Accept', 'X-Request-Id', 'portcullis', 'x-api-key', 'Cookie'];
    if (name === 'connection') return [name, this.one(named)];
    if (name === 'te') return [name, 'trailers'];
    if (name.includes('method')) return [name, this.one([method, 'DELETE'])];
    const key = name === 'x-api-key' ? '{{sk}}' : '{{pk}}';
    if (name.endsWith('api-key')) return this.sometimes(0.5) ? [this.folded(name), '{{sk}}'] : [name, key];
    return [this.sometimes(0.25) ? this.folded(name) : this.one([name, name.toUpperCase()]), '1'];
  }

  /** Another spelling of a name: other signs in place of some of its hyphens, or a longer name. */
  folded(name) {
    if (!name.includes('-')) return `${name}${this.one(['x', '-x', 's'])}`;
    const changed = name.replaceAll('-', (hyphen) => (this.sometimes(0.5) ? this.one(SIGNS) : hyphen));
    return changed === name ? name.replace('-', this.one(SIGNS)) : changed;
  }

  /** A handshake, or what only looks like one, with subprotocols that may hold a key. */
  handshake(fields) {
    this.add(fields, ['Connection', this.one(['Upgrade', 'keep-alive, Upgrade', 'upgrade', 'Upgrade', 'keep-alive'])]);
    this.add(fields, ['Upgrade', this.one(['websocket', 'WebSocket', 'websocket', 'websocket', 'h2c', 'websocket, h2c'])]);
    this.add(fields, ['Sec-WebSocket-Key', 'BwcHBwcHBwcHBwcHBwcHBw==']);
    this.add(fields, ['Sec-WebSocket-Version', '13']);
    const keys = ['{{sk}}', '{{sk}}', '{{sk-two}}', '{{pk}}'].map((key) => `portcullis-key.${key}`);
    const offered = ['portcullis', 'chat', 'v2.chat', '{{sk}}', ...keys];
    const count = this.below(4);
    const list = Array.from({ length: count }, () => this.one(offered));
    if (count > 0) this.add(fields, ['Sec-WebSocket-Protocol', list.join(this.one([', ', ',']))]);
  }

  /** Keys and other texts in several places at once. */
  keys(fields) {
    const bearers = ['{{sk}}', '{{sk-two}}', '{{pk}}', '{{sk-foreign}}'].map((key) => `Bearer ${key}`);
    const authorization = [...bearers, 'Basic {{basic:sk}}', 'Basic {{base64:sk-two}}', JWT];
    if (this.sometimes(0.7)) this.add(fields, ['Authorization', this.one(authorization)]);
    if (this.sometimes(0.5)) this.add(fields, ['X-API-Key', this.one(['{{sk}}', '{{sk-two}}', '{{pk}}', 'abcdef'])]);
    const publishable = this.one(['{{pk}}', '{{pk-plain}}', '{{sk}}', 'abcdef']);
    if (this.sometimes(0.4)) this.add(fields, ['x-publishable-api-key', publishable]);
    const queries = ['api_key={{sk}}', 'a=1&api_key={{sk-two}}&b=2', 'api_key=abc&c', 'api_key={{pk}}'];
    return this.sometimes(0.3) ? this.one(queries) : undefined;
  }
}

/** All generated cases, as texts by the names of their files. */
export function generate(count = 240, seed = SEED) {
  const gates = readGates();
  const grammar = new Grammar(seed);
  const files = {};
  for (let number = 1; number <= count; number++) {
    const subject = SUBJECTS[number % SUBJECTS.length];
    const gate = grammar.one(GATES[subject]);
    const request = grammar.request(gate, subject);
    const name = `${subject}-${String(number).padStart(3, '0')}.json`;
    files[name] = written(gate, subject, request, expected(gates[gate].settings, request));
  }
  return files;
}

function written(gate, subject, request, { codes, origin }) {
  const { method, path, query, fields, body } = request;
  const opens = !codes && isHandshake(request);
  const lines = [`${method} ${path}${query === undefined ? '' : `?${query}`} HTTP/1.1`, 'Host: api.example'];
  lines.push(...fields.map(([name, value]) => `${name}: ${value}`));
  if (body !== undefined) lines.push(`Content-Length: ${body.length}`);
  const statuses = [...new Set((codes ?? []).map((code) => STATUSES[code]))];
  const passes = opens ? { status: 101, headers: { 'Sec-WebSocket-Protocol': chosen(request) } } : { status: 200 };
  const only = (list) => (list.length === 1 ? list[0] : list);
  const one = {
    about: `A request about ${subject} ${codes ? `is refused: ${codes.join(' or ')}` : 'passes'}, as the model says.`,
    kind: KINDS[subject],
    gate,
    request: `${lines.join('\r\n')}\r\n\r\n${body ?? ''}`,
    ...(opens ? { answer: { status: 101 } } : {}),
    expect: codes ? { status: only(statuses), code: only(codes) } : passes,
    origin: origin ?? null,
  };
  return `${JSON.stringify(one, null, 2)}\n`;
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const folder = new URL('generated/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) rmSync(new URL(name, folder));
  for (const [name, text] of Object.entries(generate())) writeFileSync(new URL(name, folder), text);
}
