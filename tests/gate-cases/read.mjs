// The cases as they are on disk, and what they must look like: a member that is spelled wrongly would be a check
// that is never made.

import { readFileSync, readdirSync } from 'node:fs';

const FOLDER = new URL('./', import.meta.url);

/** The kinds, and how many cases of each there must be at least. */
export const KINDS = {
  method: 12,
  'method-override': 12,
  parameters: 12,
  paths: 12,
  identity: 12,
  'target-headers': 12,
  'keys-taken-out': 12,
  'hop-by-hop': 12,
  credentials: 12,
  websocket: 12,
  'client-address': 12,
  caches: 12,
  cors: 12,
  framing: 12,
  'rate-classes': 12,
  honest: 100,
};

const MEMBERS = {
  case: ['about', 'kind', 'gate', 'class', 'request', 'answer', 'expect', 'then', 'origin'],
  expect: ['status', 'code', 'type', 'headers', 'body'],
  origin: ['method', 'target', 'upgrade', 'headers', 'body'],
  answer: ['status', 'headers', 'body'],
};

function json(path) {
  try {
    return JSON.parse(readFileSync(new URL(path, FOLDER), 'utf8'));
  } catch (error) {
    throw new Error(`${path}: ${error.message}`);
  }
}

const namesIn = (path) => readdirSync(new URL(path, FOLDER)).filter((name) => name.endsWith('.json')).sort();

/** All cases, each with the name of its file; those that were generated in `generated/`. */
export function readCases(folders = [...Object.keys(KINDS), 'generated']) {
  return folders.flatMap((folder) =>
    namesIn(`${folder}/`).map((file) => checked({ name: `${folder}/${file.slice(0, -5)}`, ...json(`${folder}/${file}`) })),
  );
}

/** The gates' settings, by name. */
export function readGates() {
  return Object.fromEntries(namesIn('gates/').map((file) => [file.slice(0, -5), json(`gates/${file}`)]));
}

export const readKeys = () => json('keys.json');
export const readHost = (name) => json(`hosts/${name}.json`);

function checked({ name, ...one }) {
  const wrong = (why) => new Error(`${name}: ${why}`);
  const known = (value, members, what) => {
    for (const member of Object.keys(value)) {
      if (!MEMBERS[members].includes(member)) throw wrong(`${what} has no member \`${member}\``);
    }
  };
  known(one, 'case', 'a case');
  if (!(one.kind in KINDS)) throw wrong(`\`${one.kind}\` is no kind`);
  if (typeof one.about !== 'string' || !/^[A-Z0-9`].*\.$/s.test(one.about)) throw wrong('`about` is no sentence');
  if (typeof one.request !== 'string') throw wrong('`request` is no text');
  if (/[^\0-\xff]/.test(one.request)) throw wrong('`request` holds a sign that is no byte');
  if (one.origin === undefined) throw wrong('`origin` is left out');
  for (const seen of [one.origin ?? []].flat()) {
    known(seen, 'origin', '`origin`');
    if (!Array.isArray(seen.headers)) throw wrong('`origin.headers` is no list');
  }
  if (one.answer) known(one.answer, 'answer', '`answer`');
  for (const answer of [one.expect, ...(one.then ?? [])]) {
    known(answer, 'expect', 'an expected answer');
    if (answer.status === undefined) throw wrong('an expected answer has no status');
    if (answer.status >= 400 && !answer.code && !one.answer && !one.class) throw wrong('a refusal has no code');
  }
  return { name, ...one };
}
