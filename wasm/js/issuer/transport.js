// Sends requests to the issuer, and decides which ones to retry.
//
// An attempt without an answer may still have been carried out. So a request is retried only if
// repeating it changes nothing (`again: true`), or if it certainly was not carried out: it was
// never sent, or the issuer answered that there were too many requests.

import { IssuerError, refused } from './error.js';
import { FUNCTION, isPlain, optionsReader, TEXT, wrong } from '../shared/options.js';
import { own } from '../shared/property.js';

const TIMEOUT_MS = 10_000;
const RETRIES = 3;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
const LONGEST_WAIT_MS = 60_000;
// Temporary failures. If a gateway answers one of these, the issuer may have carried out the
// request.
const PASSING = new Set([408, 502, 503, 504]);
const TOO_OFTEN = 429;
const NOT_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);
const VISIBLE = /^[\x21-\x7e]+$/;
const ADDRESS = { what: 'an http or https address', read: (value) => (value instanceof URL ? value : TEXT.read(value)) };
const KEY = { what: 'an admin key, or a function that gives one', read: (value) => TEXT.read(value) ?? FUNCTION.read(value) };
const MILLIS = { what: 'milliseconds', read: (value) => (typeof value === 'number' && value > 0 && value < 2 ** 31 ? value : undefined) };
const TIMES = { what: 'a number, 0 or more', read: (value) => (Number.isInteger(value) && value >= 0 ? value : undefined) };
const readCreation = optionsReader('createIssuer', { url: ADDRESS, adminKey: KEY, fetch: FUNCTION, timeout: MILLIS, retries: TIMES });

export class Transport {
  #base;
  #adminKey;
  #fetch;
  #timeout;
  #retries;

  constructor(options) {
    const { url, adminKey, fetch, timeout = TIMEOUT_MS, retries = RETRIES } = readCreation(options);
    if (url === undefined) throw wrong('createIssuer', 'url', ADDRESS);
    if (adminKey === undefined) throw wrong('createIssuer', 'adminKey', KEY);
    this.#base = base(url);
    this.#adminKey = adminKey;
    // Check the key here, so that a mistake throws when the client is created.
    if (typeof adminKey === 'string') readable(adminKey);
    this.#fetch = fetch;
    this.#timeout = timeout;
    this.#retries = retries;
  }

  // `call`: `method`, `path` (an array, its parts get encoded), `query`, `body`; `text` and `type`
  // for a body that is not JSON; `headers`; `again`; `bearer` in place of the admin key; `longer`,
  // additional milliseconds for the answer; `lines` if the answer is not JSON; `open` if it is read
  // as a stream. Resolves to `{ body, headers, maybeDone }`; `maybeDone` tells whether an earlier
  // attempt may have been carried out already.
  async send(given, { signal }) {
    const call = own(given);
    const address = this.#address(call.path, call.query);
    let maybeDone = false;
    for (let attempt = 1; ; attempt += 1) {
      signal?.throwIfAborted();
      let error;
      try {
        const response = await this.#attempt(address, call, signal, attempt);
        return { ...response, maybeDone };
      } catch (caught) {
        if (signal?.aborted) throw signal.reason;
        if (!(caught instanceof IssuerError)) throw caught;
        error = caught;
      }
      const undone = error.status === TOO_OFTEN || isUnsent(error);
      const passing = undone || error.status === null || PASSING.has(error.status);
      // A GET changes nothing.
      maybeDone ||= call.method !== 'GET' && passing && !undone;
      error.maybeDone = maybeDone;
      const pause = error.retryAfter ?? pauseBefore(attempt);
      const worth = passing && (call.again || undone) && attempt <= this.#retries;
      if (!worth || pause > LONGEST_WAIT_MS) throw error;
      await sleep(pause, signal);
    }
  }

  async #attempt(address, call, signal, attempts) {
    const timeout = this.#timeout + (call.longer ?? 0);
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), timeout);
    const key =
      call.bearer ?? (typeof this.#adminKey === 'string' ? this.#adminKey : await this.#adminKey());
    const init = own({
      method: call.method,
      headers: { accept: 'application/json', authorization: `Bearer ${readable(key)}`, ...call.headers },
      // An issuer never redirects, and the admin key must not go to another address.
      redirect: 'manual',
      signal: signal === undefined ? limit.signal : AbortSignal.any([signal, limit.signal]),
    });
    if (call.body !== undefined) {
      init.body = JSON.stringify(plain(call.body));
      init.headers['content-type'] = 'application/json';
    } else if (call.text !== undefined) {
      init.body = call.text;
      init.headers['content-type'] = call.type;
    }
    try {
      const response = await (this.#fetch ?? globalThis.fetch)(address, init);
      if (!response.ok) throw await refused(response, attempts);
      if (call.open) return { body: response.body, headers: response.headers };
      const text = await response.text();
      return {
        body: call.lines || text === '' ? text : json(text, response, attempts),
        headers: response.headers,
      };
    } catch (cause) {
      if (cause instanceof IssuerError) throw cause;
      if (limit.signal.aborted) {
        throw new IssuerError('timeout', `the issuer took longer than ${timeout} ms`, { attempts });
      }
      throw new IssuerError('unreachable', "the issuer can't be reached", { attempts, cause });
    } finally {
      // The timeout ends here: an open body is read without a time limit.
      clearTimeout(timer);
    }
  }

  #address(path, query = {}) {
    const address = new URL(path.map(segment).join('/'), this.#base);
    for (const [name, value] of Object.entries(query)) {
      if (value === undefined || value === null) continue;
      address.searchParams.set(name, Array.isArray(value) ? value.join(',') : String(value));
    }
    return address.href;
  }
}

function base(url) {
  const address = new URL(url);
  if (address.protocol !== 'https:' && address.protocol !== 'http:') {
    throw new TypeError('createIssuer: `url` is an http or https address');
  }
  if (address.username !== '' || address.password !== '' || address.search !== '' || address.hash !== '') {
    throw new TypeError('createIssuer: `url` holds neither credentials nor a query');
  }
  if (!address.pathname.endsWith('/')) address.pathname += '/';
  return address;
}

// A copy of the body that takes no `toJSON` from Object.prototype.
function plain(value) {
  if (Array.isArray(value)) return Object.assign(value.map(plain), own({ toJSON: undefined }));
  if (!isPlain(value)) return value;
  const copy = own(value);
  for (const name of Object.keys(copy)) copy[name] = plain(copy[name]);
  return copy;
}

// Check the key here: the error of `fetch` for an invalid header would contain the key.
function readable(key) {
  if (typeof key === 'string' && VISIBLE.test(key)) return key;
  throw new TypeError('a key is a text of visible ASCII characters, without spaces or line ends');
}

function segment(part) {
  const text = String(part);
  // `.` and `..` can't be encoded in an address: it resolves them as path segments.
  if (text === '' || text === '.' || text === '..') {
    throw new IssuerError('not_found', 'there is nothing with this id', { status: 404 });
  }
  return encodeURIComponent(text);
}

function json(text, response, attempts) {
  try {
    return JSON.parse(text);
  } catch {
    const message = 'this is not how an issuer answers: the body is not JSON; check `url`';
    throw new IssuerError('unexpected_answer', message, { status: response.status, attempts });
  }
}

// Node names the reason in the cause. Other runtimes don't, so there nothing counts as unsent.
function isUnsent(error) {
  return error.code === 'unreachable' && NOT_SENT.has(error.cause?.cause?.code ?? error.cause?.code);
}

// Doubles with each attempt; up to half of it is random, so that clients that failed together don't
// retry together.
function pauseBefore(attempt) {
  const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
  return longest / 2 + (Math.random() * longest) / 2;
}

// Resolves after `pause` milliseconds, or rejects with the signal's reason if it aborts first.
export function sleep(pause, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const done = () => {
      signal?.removeEventListener('abort', stop);
      resolve();
    };
    const timer = setTimeout(done, pause);
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    signal?.addEventListener('abort', stop, own({ once: true }));
  });
}
