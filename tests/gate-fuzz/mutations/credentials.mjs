// Keys in other places and forms, several of them, and none.

import { PLACES } from '../grammar.mjs';
import { likeIt, put } from './fields.mjs';

const CREDENTIALS = [
  'authorization',
  'x-api-key',
  'x-publishable-api-key',
  'sec-websocket-protocol',
  'proxy-authorization',
];

export const credentialMutations = [
  [
    'credential: a second one',
    (random, request, { keys }) =>
      put(random, request, ...PLACES[random.pick(Object.keys(PLACES))](random.pick(keys).token)),
  ],
  [
    'credential: in a field that folds into one',
    (random, request, { keys }) => {
      const { token } = random.pick(keys);
      put(random, request, likeIt(random, random.pick(CREDENTIALS)), random.pick([token, `Bearer ${token}`]));
    },
  ],
  [
    'credential: in another form',
    (random, request, { keys }) => {
      const { token } = random.pick(keys);
      const base64 = (text) => Buffer.from(text).toString('base64');
      const value = random.pick([
        ...[
          `bearer ${token}`,
          `BEARER  ${token}`,
          `Bearer\t${token}`,
          `Bearer ${token},`,
          `Bearer "${token}"`,
          `Bearer ${token} x`,
          `Bearer x ${token}`,
        ],
        ...[
          `Bearer ${token}, Basic x`,
          `Basic ${token}`,
          `Basic ${base64(token)}`,
          `Basic ${base64(`user:${token}`)}`,
          `Basic ${base64(`${token}:${token}`)}`,
        ],
        ...[
          `Token ${token}`,
          `Token token="${token}"`,
          `ApiKey ${token}`,
          token,
          `Digest username="${token}"`,
          `Bearer ${token}\u00ff`,
          `Bearer,${token}`,
        ],
      ]);
      const name = random.weighed([
        [5, 'Authorization'],
        [2, 'X-API-Key'],
        [1, 'x-publishable-api-key'],
      ]);
      request.headers = request.headers.filter(
        ([known]) => known.toLowerCase() !== name.toLowerCase() || random.chance(0.3),
      );
      put(random, request, name, value);
    },
  ],
  [
    'credential: none',
    (random, request) => {
      request.headers = request.headers.filter(([name]) => !CREDENTIALS.includes(name.toLowerCase()));
    },
  ],
  [
    'credential: as it was, and something of somebody else',
    (random, request) =>
      put(
        random,
        request,
        random.pick(['Authorization', 'X-API-Key']),
        random.pick(['Bearer eyJhbGciOiJIUzI1NiJ9.e30.x', 'Basic c2hvcHBlcjpwdw==', 'x', '']),
      ),
  ],
];
