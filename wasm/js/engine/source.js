// Where a verifier's files come from. A source is not trusted: the engine checks every byte, and
// the worst that a source can do is to withhold files.

import { PortcullisError } from '../shared/errors.js';
import { DURATION, FUNCTION, isPlain, optionsReader } from '../shared/options.js';
import { platform } from '../shared/platform.js';
import { own } from '../shared/property.js';

const FOLDER = '.well-known/portcullis/';
// Files that are named by their digest never change.
const NAMED = /^(?:heads|bodies|policies|private)\//;
const TIMEOUT_MS = 5_000;

const HEADERS = {
  what: 'an object of header names and their values, which are strings',
  read: (value) => (isPlain(value) && Object.values(value).every((one) => typeof one === 'string') ? own(value) : undefined),
};
const readOptions = optionsReader('httpSource', { timeout: DURATION, fetch: FUNCTION, privateHeaders: HEADERS });

export function httpSource(url, options) {
  const { fetch: fetcher = globalThis.fetch, timeout = TIMEOUT_MS, privateHeaders } = readOptions(options);
  const base = new URL(url);
  if (base.protocol !== 'https:' && base.protocol !== 'http:') {
    throw new TypeError('httpSource: an http or https address');
  }
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  return {
    async get(name, longest) {
      const address = new URL(FOLDER + name, base);
      const init = own({ signal: AbortSignal.timeout(timeout), ...(NAMED.test(name) ? {} : platform.fetch) });
      // Send the credential only to the folder that needs it.
      if (privateHeaders !== undefined && name.startsWith('private/')) {
        init.headers = privateHeaders;
        // Don't follow redirects with it. A redirect is then an error below, since it is not an OK
        // response.
        init.redirect = 'manual';
      }
      try {
        const response = await fetcher(address.href, init);
        if (!response.ok) throw badStatus(address, response);
        return await read(response, address, longest);
      } catch (error) {
        throw error instanceof PortcullisError ? error : unreachable(address, timeout, error);
      }
    },
  };
}

function badStatus(address, response) {
  // An unread body would keep the connection open.
  response.body?.cancel().catch(() => {});
  const error = new PortcullisError('source_status', `${address} answered ${response.status}`);
  error.status = response.status;
  return error;
}

function unreachable(address, timeout, cause) {
  return cause?.name === 'TimeoutError'
    ? new PortcullisError('source_timeout', `${address} took longer than ${timeout} ms`, { cause })
    : new PortcullisError('source_unreachable', `${address} can't be reached`, { cause });
}

async function read(response, address, longest) {
  const chunks = [];
  let length = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > longest) {
      reader.cancel().catch(() => {});
      throw new PortcullisError('source_too_large', `${address} has more than ${longest} bytes`);
    }
    chunks.push(value);
  }
  const file = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    file.set(chunk, at);
    at += chunk.length;
  }
  return file;
}
