// Header fields that forge, hide, forward or override.

import { put, spelled, words } from './fields.mjs';

const IDENTITY = words(`
  key owner policy scopes kind issuer environment sales-channels freshness list assertion debug anything
`).map((member) => `portcullis-${member}`);
const FORWARDED = words(`
  forwarded forwarded-for x-forwarded x-forwarded-for x-forwarded-host x-forwarded-proto x-forwarded-port
  x-forwarded-server x-forwarded-prefix x-forwarded-ssl x-forwarded-by x-original-forwarded-for x-real-ip
  x-client-ip client-ip x-cluster-client-ip true-client-ip fastly-client-ip x-remote-ip x-remote-addr
  x-originating-ip x-azure-clientip x-envoy-external-address x-appengine-user-ip wl-proxy-client-ip x-host
  x-original-host x-http-host-override x-scheme x-original-scheme x-url-scheme front-end-https
  cf-connecting-ip cf-connecting-ipv6 cf-pseudo-ipv4
`);
const REWRITING = words(`
  x-original-url x-original-uri x-original-path x-rewrite-url x-rewrite-uri x-override-url x-request-uri
  x-envoy-original-path x-waws-unencoded-url x-script-name script-name proxy
`);
const OVERRIDES = ['x-http-method-override', 'x-http-method', 'x-method-override'];

const ADDRESSES = [
  '192.0.2.9',
  '192.0.2.9',
  '127.0.0.1',
  '192.0.2.9, 10.0.0.1',
  '10.0.0.1, 192.0.2.9',
  '::ffff:192.0.2.9',
  '192.0.2.9:80',
  '"192.0.2.9"',
  'for=192.0.2.9',
  'unknown',
  '',
  '[2001:db8::9]',
  '2001:db8::9',
  '192.0.2.09',
  '3221226009',
];

const forged = (random, name) =>
  name === 'portcullis'
    ? random.pick(['key=apk_root', 'key=apk_L3sB1aaMz2uK24WBLB1hcf, issuer=iss_x, kind=secret', ''])
    : random.pick(['1', 'apk_root', '*', 'secret', '']);

const method = (random, request) =>
  random.pick([
    'DELETE',
    'DELETE',
    'POST',
    'PUT',
    'PUT',
    'GET',
    'PATCH',
    'PATCH',
    'delete',
    'HEAD',
    request.method,
    `${request.method},DELETE`,
    '',
    ' DELETE',
  ]);

/** Names that some origin reads as `_method`, and some that none does. */
const METHOD_PARAMETERS = words(`
  _method _method _method %5fmethod %5Fm%65thod [_method] %5B_method%5D [_method][] _method[] _method[0] _METHOD
  .method %2emethod +method %20method +_method +.method %20_method _method+ _method%20 _method%00 _method. x=1;_method
  %00_method _method%00x &_method amp;_method _method[ ]_method
`);

/** Another method inside of a request: few requests have a key that may not make them, so these are frequent. */
export const overrides = [
  [
    'override: by a field',
    (random, request) => put(random, request, spelled(random, random.pick(OVERRIDES)), method(random, request)),
  ],
  [
    'override: in the query',
    (random, request) => {
      const name = random.pick(METHOD_PARAMETERS);
      // Middleware that overrides methods does so for this one.
      if (random.chance(0.7)) request.method = 'POST';
      request.query.push(
        `${name}=${random.pick(['DELETE', 'DELETE', 'PUT', 'PATCH', 'GET', 'delete', request.method, ''])}`,
      );
    },
  ],
];

export const headerMutations = [
  [
    'identity: forged',
    (random, request) => {
      const name = random.chance(0.4) ? 'portcullis' : random.pick(IDENTITY);
      put(random, request, spelled(random, name), forged(random, name));
    },
  ],
  [
    'connection: names a field',
    (random, request) => {
      const named = random.pick([
        'portcullis',
        'portcullis-key',
        'X-Hop',
        'x-custom',
        'x_custom',
        'content-type',
        'authorization',
        'x-forwarded-for',
        'cookie',
        'host',
        'content-length',
        'transfer-encoding',
        'cache-control',
        'origin',
        'close',
        'cf-connecting-ip',
        'portcullis_key',
      ]);
      put(
        random,
        request,
        random.pick(['Connection', 'connection', 'Connection', 'Proxy-Connection', 'Keep-Alive']),
        random.pick([named, `keep-alive, ${named}`, `${named},`, `close, ${named}`]),
      );
      if (random.chance(0.5)) put(random, request, 'X-Hop', '1');
      if (/close/.test(request.headers.flat().join())) request.alone = true;
    },
  ],
  [
    'forwarded: by a field',
    (random, request) =>
      put(
        random,
        request,
        spelled(random, random.pick(FORWARDED)),
        random.pick([...ADDRESSES, 'evil.example', 'https']),
      ),
  ],
  [
    'forwarded: a second address',
    (random, request) =>
      put(
        random,
        request,
        random.pick(['X-Forwarded-For', 'CF-Connecting-IP', 'X-Forwarded-Host', 'X-Forwarded-Proto']),
        random.pick([...ADDRESSES, 'https']),
      ),
  ],
  [
    'rewriting: another path',
    (random, request) =>
      put(
        random,
        request,
        spelled(random, random.pick(REWRITING)),
        random.pick(['/admin/users', '/health', 'http://127.0.0.1:1/']),
      ),
  ],
  [
    'upgrade',
    (random, request, { keys }) => {
      put(
        random,
        request,
        'Upgrade',
        random.pick([
          'websocket',
          'websocket',
          'WebSocket',
          'h2c',
          'TLS/1.0',
          'foo',
          'h2c, websocket',
          'websocket, h2c',
          '',
        ]),
      );
      if (random.chance(0.8))
        put(
          random,
          request,
          'Connection',
          random.pick(['upgrade', 'Upgrade', 'keep-alive, Upgrade', 'Upgrade, HTTP2-Settings']),
        );
      if (random.chance(0.3)) put(random, request, 'HTTP2-Settings', 'AAMAAABkAARAAAAAAAIAAAAA');
      if (random.chance(0.7)) put(random, request, 'Sec-WebSocket-Key', 'BwcHBwcHBwcHBwcHBwcHBw==');
      if (random.chance(0.7)) put(random, request, 'Sec-WebSocket-Version', '13');
      if (random.chance(0.5)) {
        const { token } = random.pick(keys);
        put(
          random,
          request,
          'Sec-WebSocket-Protocol',
          random.pick([
            `portcullis, portcullis-key.${token}`,
            `portcullis-key.${token}`,
            `chat, portcullis-key.${token}, x`,
            `chat, ${token}`,
            'chat',
            `Portcullis-Key.${token}`,
            `portcullis-key.${token},portcullis-key.${token}`,
          ]),
        );
      }
      request.alone = true;
    },
  ],
  [
    'preflight',
    (random, request) => {
      request.method = random.chance(0.7) ? 'OPTIONS' : request.method;
      put(random, request, 'Origin', random.pick(['https://shop.example', 'https://evil.example', 'null']));
      put(
        random,
        request,
        spelled(random, 'access-control-request-method'),
        random.pick(['POST', 'DELETE', 'GET', 'post', '']),
      );
    },
  ],
  [
    'origin: another',
    (random, request) =>
      put(
        random,
        request,
        spelled(random, 'origin'),
        random.pick([
          'https://evil.example',
          'https://shop.example',
          'null',
          'https://shop.example, https://evil.example',
        ]),
      ),
  ],
  [
    'host: another',
    (random, request) => {
      const value = random.pick([
        'evil.example',
        'api.example:8080',
        'API.EXAMPLE',
        '127.0.0.1',
        'origin.example',
        'a b',
        '',
        'user@api.example',
        'api.example, evil.example',
      ]);
      if (random.chance(0.3)) put(random, request, 'Host', value);
      else request.headers.find(([name]) => name === 'Host')?.splice(1, 1, value);
    },
  ],
  [
    'syntax: of a field',
    (random, request) => {
      const field = random.pick(request.headers.filter(([name]) => name !== 'Host'));
      const [name, value] = field;
      const change = random.below(6);
      if (change === 0) field[2] = ' : ';
      if (change === 1) field[2] = ':';
      if (change === 2) field[2] = ':\t ';
      if (change === 3) field[1] = value.replace(' ', '\r\n ');
      if (change === 4) field[1] = `${value} \t`;
      if (change === 5) field[0] = name.toUpperCase();
    },
  ],
  [
    'syntax: a field twice',
    (random, request) =>
      put(
        random,
        request,
        ...random.pick(request.headers.filter(([name]) => !/^(host|x-fuzz-id)$/i.test(name)).concat([['Accept', 'x']])),
      ),
  ],
  [
    'field: of this connection',
    (random, request) =>
      put(
        random,
        request,
        random.pick(['TE', 'Trailer', 'Keep-Alive', 'Proxy-Authenticate', 'Proxy-Connection']),
        random.pick(['trailers', 'portcullis', 'timeout=5', 'keep-alive']),
      ),
  ],
  [
    'field: for caches',
    (random, request) =>
      put(
        random,
        request,
        random.pick(['Cache-Control', 'Pragma', 'If-Modified-Since', 'Range', 'Vary', 'Surrogate-Control']),
        random.pick(['max-age=60', 'public', 'no-cache', 'only-if-cached', 'bytes=0-1', '*']),
      ),
  ],
  [
    'field: long',
    (random, request) =>
      put(
        random,
        request,
        random.pick(['X-Long', 'Cookie', 'Portcullis-Owner']),
        'x'.repeat(random.pick([1000, 9000])),
      ),
  ],
];
