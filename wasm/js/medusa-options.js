// The module's settings, checked where the application starts.

import { DURATION, ENVIRONMENT, FUNCTION, isPlain, listOf, oneOf, options as reading, TEXT, wrong } from './options.js';
import { property } from './property.js';

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

const readOptions = reading(CALL, {
  url: URL_TEXT,
  adminKey: KEY,
  root: ROOT,
  // Each is looked at by the verifier, and these three by the client.
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
  // Medusa writes these into every module's options.
  database: { read: any },
  [Symbol.for('isSharedConnection')]: { read: any },
});

// What is needed to reach the issuer.
const NEEDED = Object.entries({ url: URL_TEXT, adminKey: KEY, root: ROOT });

// Why the module can't reach the issuer by these options, when nothing is wrong with them but that some are missing;
// undefined when all are there. A job that migrates a shop's database has no admin key, and needs none.
export function lacking(options) {
  const given = readOptions(withoutEmpty(options));
  const missing = NEEDED.find(([name]) => given[name] === undefined && !(name === 'root' && given.authenticate === 'online'));
  if (missing === undefined) return undefined;
  const [name, { what }] = missing;
  return new TypeError(`${CALL}: \`${name}\` is not set: ${what}. Without it \`medusa db:migrate\` works, and nothing else`);
}

// An environment variable that is set to nothing is not set.
function withoutEmpty(options) {
  const empty = isPlain(options) ? NEEDED.map(([name]) => name).filter((name) => property(options, name) === '') : [];
  return empty.length === 0 ? options : { ...options, ...Object.fromEntries(empty.map((name) => [name, undefined])) };
}

export function settings(options) {
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
    timeout,
    retries,
    fetch,
  } = readOptions(withoutEmpty(options));
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
    client: { url, adminKey, fetch, timeout, retries },
  };
}
