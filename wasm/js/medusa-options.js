// The module's settings, checked where the application starts.

import { DURATION, ENVIRONMENT, FUNCTION, listOf, oneOf, options as reading, TEXT, wrong } from './options.js';

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
  } = readOptions(options);
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
