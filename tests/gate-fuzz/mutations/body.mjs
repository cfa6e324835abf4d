// Methods that are none, bodies that nobody expects, and framing that two servers read in two ways.

import { ID } from '../grammar.mjs';

/** A request inside of a body. Whatever it reaches was reached without a key, under a name of its own. */
export const hidden = (request) =>
  `GET /admin/users HTTP/1.1\r\nHost: api.example\r\n${ID}: ${request.id}-hidden\r\n\r\n`;

const CODINGS = [
  'chunked',
  'Chunked',
  'identity',
  'gzip, chunked',
  'chunked, identity',
  'xchunked',
  ' chunked',
  '\x0bchunked',
  'chunked\t',
  '"chunked"',
  'chunked;x=1',
  '',
];

export const bodyMutations = [
  [
    'method: another',
    (random, request) =>
      (request.method = random.pick([
        'GET',
        'HEAD',
        'POST',
        'PUT',
        'DELETE',
        'PATCH',
        'OPTIONS',
        'PROPFIND',
        'PURGE',
        'TRACE',
        'TRACK',
        'CONNECT',
        'LINK',
        'M-SEARCH',
        'QUERY',
        'SUBSCRIBE',
      ])),
  ],
  [
    'method: spelled otherwise',
    (random, request) =>
      (request.method = random.pick([
        request.method.toLowerCase(),
        `${request.method}_`,
        `X-${request.method}`,
        `${request.method}\t`,
        'G ET',
        '',
        'A'.repeat(33),
      ])),
  ],
  ['version: another', (random, request) => (request.version = random.pick(['1.0', '1.0', '0.9', '1.2', '2.0']))],
  [
    'body: on a method that has none',
    (random, request) => {
      request.method = random.pick(['GET', 'HEAD', 'OPTIONS', 'DELETE']);
      request.body = Buffer.from(random.pick(['', 'x', hidden(request)]));
      request.framing = random.pick(['length', 'chunked']);
    },
  ],
  [
    'body: hides a request',
    (random, request) => {
      request.body = Buffer.from(hidden(request));
      request.framing = random.pick(['length', 'chunked']);
      if (['GET', 'HEAD'].includes(request.method)) request.method = 'POST';
    },
  ],
  [
    'body: chunked, with a trailer',
    (random, request) => {
      if (['GET', 'HEAD'].includes(request.method)) request.method = 'POST';
      request.body ??= Buffer.from('hello');
      request.framing = 'chunked';
      request.trailer = random.pick(['portcullis: key=apk_root\r\n', 'X-HTTP-Method-Override: DELETE\r\n', 'x: 1\r\n']);
    },
  ],
  [
    'framing: length and chunks',
    (random, request) => {
      if (['GET', 'HEAD'].includes(request.method)) request.method = 'POST';
      request.body ??= Buffer.from('hello');
      request.framing = 'chunked';
      const length = random.pick([0, 1, request.body.length, 5]);
      request.headers.splice(random.below(request.headers.length + 1), 0, [
        random.pick(['Content-Length', 'content-length', 'Content_Length']),
        String(length),
      ]);
      request.alone = true;
    },
  ],
  [
    'framing: another coding',
    (random, request) => {
      request.headers.push([
        random.pick(['Transfer-Encoding', 'transfer-encoding', 'Transfer_Encoding', 'X-Transfer-Encoding']),
        random.pick(CODINGS),
      ]);
      request.alone = true;
    },
  ],
  [
    'framing: chunks in another spelling',
    (random, request) => {
      if (['GET', 'HEAD'].includes(request.method)) request.method = 'POST';
      request.body ??= Buffer.from('hello');
      request.framing = 'chunked';
      request.chunks = random.pick(['extension', 'zeros', 'capitals', 'single', 'bare']);
      request.alone = request.chunks === 'bare';
    },
  ],
  [
    'framing: a length that is none',
    (random, request) => {
      request.framing = 'none';
      request.body = undefined;
      request.headers.push(['Content-Length', random.pick(['0', '00', '+0', '-1', '0x0', '0, 0', ' 0', '', '1e1'])]);
      request.alone = true;
    },
  ],
  ['expect', (random, request) => request.headers.push(['Expect', random.pick(['100-continue', 'x'])])],
];
