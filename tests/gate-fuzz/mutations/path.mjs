// Other spellings of a path, and of the request's target.

import { keyParametersOf, routesOf } from '../world.mjs';

const replaceSome = (random, text, pattern, change) => {
  const found = [...text.matchAll(pattern)];
  if (found.length === 0) return text;
  const { index, 0: part } = random.pick(found);
  return text.slice(0, index) + change(part) + text.slice(index + part.length);
};

/** A letter or other sign, percent-encoded. */
const escaped = (random, text) => {
  const spelled = `%${text.charCodeAt(0).toString(16).padStart(2, '0')}`;
  return random.chance(0.5) ? spelled : spelled.toUpperCase();
};

/** Signs that some way of folding letters takes for ASCII ones. */
const LOOKALIKES = { s: '%C5%BF', k: '%E2%84%AA', i: '%C4%B1', a: '%EF%BD%81', o: '%EF%BD%8F', d: '%EF%BD%84' };

const SLASHES = [
  '//',
  '/./',
  '/x/../',
  '/%2e/',
  '/%2E%2e/',
  '%2f',
  '%2F',
  '%5c',
  '\\',
  '/;x=1/',
  ';/',
  '/%00/',
  '/..;/',
  '/.%2e/',
];
const ENDS = [
  ...['/', '//', '.', '..', '%2e', '%20', '+', ' ', '%09', '%00', ';', ';x=1', '%3b', '%3Bjsessionid=1'],
  ...[
    '.json',
    '.JSON',
    '.html',
    '.php',
    '.',
    '/.',
    '/..',
    '/index.html',
    '%2ejson',
    '~',
    '::$DATA',
    '*',
    '%0a',
    '%0d%0a',
  ],
  ...[
    '%c0%af',
    '%ff',
    '%',
    '%2',
    '%zz',
    '%u0041',
    '\u00e9',
    '\u00ff',
    "'",
    '"',
    '<',
    '{x}',
    '|',
    '^',
    '`',
    '#x',
    '#',
    '?',
    '[0]',
  ],
];

export const pathMutations = [
  [
    'path: case',
    (random, request) => (request.path = replaceSome(random, request.path, /[a-z]/g, (letter) => letter.toUpperCase())),
  ],
  ['path: all in capitals', (random, request) => (request.path = request.path.toUpperCase())],
  [
    'path: escape',
    (random, request) => (request.path = replaceSome(random, request.path, /[^/%]/g, (sign) => escaped(random, sign))),
  ],
  [
    'path: escape of a sign',
    (random, request) =>
      (request.path = replaceSome(random, request.path, /[^A-Za-z0-9/%]/g, (sign) => escaped(random, sign))),
  ],
  [
    'path: case of an escape',
    (random, request) =>
      (request.path = replaceSome(random, request.path, /%[0-9A-Fa-f]{2}/g, (escape) =>
        random.chance(0.5) ? escape.toLowerCase() : escape.toUpperCase(),
      )),
  ],
  [
    'path: escape twice',
    (random, request) =>
      (request.path = replaceSome(
        random,
        request.path,
        /[A-Za-z0-9]/g,
        (sign) => `%25${escaped(random, sign).slice(1)}`,
      )),
  ],
  [
    'path: slash',
    (random, request) => (request.path = replaceSome(random, request.path, /\//g, () => random.pick(SLASHES))),
  ],
  ['path: end', (random, request) => (request.path += random.pick(ENDS))],
  [
    'path: end of a segment',
    (random, request) =>
      (request.path = replaceSome(random, request.path, /[a-z](?=\/)/g, (sign) => sign + random.pick(ENDS))),
  ],
  [
    'path: lookalike',
    (random, request) => (request.path = replaceSome(random, request.path, /[skiaod]/g, (sign) => LOOKALIKES[sign])),
  ],
  [
    'path: of another route',
    (random, request) => {
      const route = random.pick(routesOf(request.gate));
      request.path = route.path.replace('**', random.pick(['', '7', 'a/b'])).replace('*', 'x');
    },
  ],
  [
    'path: one that hides another',
    (random, request) => {
      const inner = random.pick(['/admin/users', '/admin/orders/7', '/files/a/b']);
      request.path = random.pick([
        `/health${inner}`,
        `/x/..${inner}`,
        `/health/%2e%2e${inner}`,
        `/${inner}`,
        `/.${inner}`,
        `/%2e${inner}`,
        `/health;${inner}`,
        `/health%3f${inner}`,
        `http:${inner}`,
      ]);
    },
  ],
  [
    'target: absolute',
    (random, request) =>
      (request.path = random.pick(['http://api.example', 'http://origin.example', 'https://x@y']) + request.path),
  ],
  ['target: asterisk', (random, request) => (request.path = '*')],
  [
    'target: a bare query',
    (random, request) => {
      const parameter = random.pick([...keyParametersOf(request.gate), 'sales_channel_id']);
      request.path += `?${parameter}=x?`;
    },
  ],
];
