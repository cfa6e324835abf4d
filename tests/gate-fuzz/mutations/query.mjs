// Other spellings of the parameters that the gate reads, and values that are not granted.

import { keyParametersOf, routesOf } from '../world.mjs';

const parametersOf = (gate) => [
  ...keyParametersOf(gate),
  ...routesOf(gate).flatMap((route) => route.sales_channel_parameter ?? []),
];

const hex = (sign) => `%${sign.charCodeAt(0).toString(16)}`;

/** The ways in which some origin takes a name for `name`, or nearly so. */
const SPELLINGS = [
  (name) => `${name}[]`,
  (name) => `${name}[0]`,
  (name) => `${name}[12]`,
  (name) => `${name}%5B%5D`,
  (name) => `${name}%5b0%5d`,
  (name) => `${name}[$ne]`,
  (name) => `${name}[a][b]`,
  (name) => `${name}[0][]`,
  (name) => `${name}[][]`,
  (name) => `${name}[`,
  (name) => `${name}]`,
  (name) => `${name}[0`,
  (name) => `[${name}]`,
  (name) => `%5B${name}%5D`,
  (name) => `[${name}][]`,
  (name) => `[]${name}`,
  (name) => `__proto__[${name}]`,
  (name) => `${name}.0`,
  (name) => `${name}.`,
  (name) => `.${name}`,
  (name) => `+${name}`,
  (name) => `%20${name}`,
  (name) => `${name}%20`,
  (name) => `${name}+`,
  (name) => `%09${name}`,
  (name) => `%00${name}`,
  (name) => `${name}%00`,
  (name) => `${name}%00x`,
  (name) => name.toUpperCase(),
  (name) => name[0].toUpperCase() + name.slice(1),
  (name) => name.replace('_', '.'),
  (name) => name.replace('_', '%20'),
  (name) => name.replace('_', '+'),
  (name) => name.replace('_', '['),
  (name) => name.replace('_', '%5B'),
  (name) => name.replace('_', '-'),
  (name) => name.replace('_', '%2e'),
  (name) => name.replace('_', ''),
  (name) => hex(name[0]) + name.slice(1),
  (name) => [...name].map(hex).join(''),
  (name) => `%25${hex(name[0]).slice(1)}${name.slice(1)}`,
  (name) => `%c1%b3${name.slice(1)}`,
  (name) => `%e0%81%b3${name.slice(1)}`,
  (name) => `%EF%BD%93${name.slice(1)}`,
  (name) => `%C5%BF${name.slice(1)}`,
  (name) => `%u0073${name.slice(1)}`,
  (name) => `x;${name}`,
  (name) => `x=1;${name}`,
  (name) => `x=1%26${name}`,
  (name) => `amp;${name}`,
  (name) => `x=1#${name}`,
  (name) => `?${name}`,
  (name) => `\u00ff${name}`,
  (name) => `"${name}"`,
  (name) => `'${name}'`,
];

const VALUES = [
  'sc_1',
  'sc_9',
  'sc_9',
  'sc_3',
  'sc_1,sc_9',
  '',
  '%73c_9',
  'sc_1%00',
  'sc_1%26sales_channel_id=sc_9',
  'sc_1;sales_channel_id=sc_9',
  ' sc_9',
  '+sc_1',
  '["sc_9"]',
  '*',
  'SC_1',
  'sc%5F1',
];

export const queryMutations = [
  [
    'query: a name spelled otherwise',
    (random, request, { keys }) => {
      const parameters = parametersOf(request.gate);
      if (parameters.length === 0) return false;
      const parameter = random.pick(parameters);
      const name = random.pick(SPELLINGS)(parameter);
      const value = parameter === 'sales_channel_id' ? random.pick(VALUES) : random.pick(keys).token;
      request.query.splice(random.below(request.query.length + 1), 0, `${name}=${value}`);
    },
  ],
  [
    'query: another channel',
    (random, request) => {
      request.query.push(`sales_channel_id${random.pick(['', '[]', '[1]'])}=${random.pick(VALUES)}`);
    },
  ],
  [
    'query: a name without a value',
    (random, request) => request.query.push(random.pick([...parametersOf(request.gate), 'x'])),
  ],
  [
    'query: a key',
    (random, request, { keys }) => {
      const parameters = keyParametersOf(request.gate);
      if (parameters.length === 0) return false;
      const { token } = random.pick(keys);
      const spelled = random.pick([
        token,
        hex(token[0]) + token.slice(1),
        token.replaceAll('_', '%5F'),
        `${token}%20`,
        `+${token}`,
        `%22${token}%22`,
      ]);
      request.query.push(`${random.pick(parameters)}${random.pick(['', '', '[]', '[0]'])}=${spelled}`);
    },
  ],
  [
    'query: many',
    (random, request) =>
      request.query.unshift(...Array.from({ length: random.pick([30, 300, 1100]) }, (_, at) => `p${at % 7}=x`)),
  ],
  [
    'query: signs',
    (random, request) =>
      request.query.push(
        random.pick([
          "a='x'",
          'a="x"',
          'a=<x>',
          'a=\u00e9',
          'a=%',
          'a=%zz',
          'a=\\',
          'a={x}',
          'a=|',
          'a=^`',
          '&&',
          '=',
          '=x',
          'a==b',
          'a=b=c',
        ]),
      ),
  ],
];
