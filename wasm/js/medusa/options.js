// The module's settings, checked when the application starts.

import { DURATION, ENVIRONMENT, FUNCTION, isPlain, listOf, oneOf, optionsReader, TEXT, wrong } from '../shared/options.js';
import { property } from '../shared/property.js';

const SECONDS = 1000;
const CALL = 'portcullis/medusa';
const any = (value) => value;
const URL_TEXT = { what: "the issuer's address, such as https://keys.example.com", read: (value) => TEXT.read(value) || undefined };
const KEY = { what: 'an admin key of the issuer', read: (value) => TEXT.read(value) ?? FUNCTION.read(value) };
const ROOT = {
  what: 'the issuer\'s public root key, as `portcullis init` prints it; with `authenticate: "online"` it is not needed',
  read: TEXT.read,
};
const OWNER = { what: 'the number of an owner', read: (value) => (Number.isInteger(value) ? value : undefined) };

const DAY = 86_400 * SECONDS;
const UNTIL = {
  what: 'when old keys end: a Date, or a text such as "2027-01-31" or "2027-01-31T12:00:00Z"; no earlier than 2026 and no later than two years from now',
  read: (value) => (value instanceof Date || typeof value === 'string' ? value : undefined),
};
const EARLIEST = Date.UTC(2026, 0, 1);
const LATEST = 2 * 366 * DAY;
// A time of day needs a zone; without one it would depend on the machine.
const DATE = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;
const readFallback = optionsReader('fallback', { until: UNTIL });

const readOptions = optionsReader(CALL, {
  url: URL_TEXT,
  adminKey: KEY,
  root: ROOT,
  // The verifier checks the secrets, and the client checks the next three options.
  secrets: { what: 'a list of `{ kid, secret }`', read: listOf },
  timeout: { read: any },
  retries: { read: any },
  fetch: { read: any },
  environment: ENVIRONMENT,
  owner: OWNER,
  algorithm: oneOf('ed25519', 'hmac-sha256-128'),
  authenticate: oneOf('list', 'online'),
  refreshEvery: DURATION,
  freshFor: DURATION,
  deadline: DURATION,
  recordsFor: DURATION,
  undoWithin: DURATION,
  fallback: { what: '`{ until }`, the time until which keys of Medusa\'s own module go on working', read: (value) => (isPlain(value) ? value : undefined) },
  // Medusa adds these to every module's options.
  database: { read: any },
  [Symbol.for('isSharedConnection')]: { read: any },
});

// The options that are needed to reach the issuer.
const NEEDED = Object.entries({ url: URL_TEXT, adminKey: KEY, root: ROOT });

// Returns the error for a required option that is missing; undefined if all are set. Throws if an
// option is invalid. A job that migrates a shop's database has no admin key and needs none.
export function missingOptions(options) {
  const given = readOptions(withoutEmpty(options));
  const missing = NEEDED.find(([name]) => given[name] === undefined && !(name === 'root' && given.authenticate === 'online'));
  if (missing === undefined) return undefined;
  const [name, { what }] = missing;
  return new TypeError(`${CALL}: \`${name}\` is not set: ${what}. Without it \`medusa db:migrate\` works, and nothing else`);
}

// An environment variable that is set to an empty string counts as not set.
function withoutEmpty(options) {
  const empty = isPlain(options) ? NEEDED.map(([name]) => name).filter((name) => property(options, name) === '') : [];
  return empty.length === 0 ? options : { ...options, ...Object.fromEntries(empty.map((name) => [name, undefined])) };
}

// `now` is the time at which the application starts.
export function settings(options, now = Date.now()) {
  const {
    url,
    adminKey,
    root,
    secrets,
    environment = 'live',
    owner,
    algorithm,
    authenticate = 'list',
    refreshEvery = SECONDS,
    freshFor = 5 * SECONDS,
    deadline = SECONDS,
    recordsFor = 300 * SECONDS,
    undoWithin = 3600 * SECONDS,
    fallback,
    timeout,
    retries,
    fetch,
  } = readOptions(withoutEmpty(options));
  // Required; `root` only if keys are verified against the list.
  if (url === undefined) throw wrong(CALL, 'url', URL_TEXT);
  if (adminKey === undefined) throw wrong(CALL, 'adminKey', KEY);
  if (authenticate === 'list' && root === undefined) throw wrong(CALL, 'root', ROOT);
  return {
    url,
    root,
    secrets,
    environment,
    owner,
    algorithm,
    authenticate,
    refreshEvery,
    freshFor,
    deadline,
    recordsFor,
    undoWithin,
    fallback: fallback === undefined ? undefined : fallbackOf(fallback, now),
    client: { url, adminKey, fetch, timeout, retries },
  };
}

function fallbackOf(given, now) {
  const { until } = readFallback(given);
  const at = until instanceof Date ? until.getTime() : DATE.test(until ?? '') ? dateOf(until) : NaN;
  if (!(at >= EARLIEST && at <= now + LATEST)) throw wrong(CALL, 'fallback.until', UNTIL);
  return { until: at };
}

// Refuses dates that don't exist, like the 31st of a month that has 30 days.
function dateOf(text) {
  const at = Date.parse(text);
  const [year, month, day] = text.slice(0, 10).split('-').map(Number);
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? at : NaN;
}
