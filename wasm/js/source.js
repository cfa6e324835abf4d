// Where a verifier's files come from, and the order in which they are asked for. Nothing in here
// is trusted: the module checks every byte, and a source can at worst withhold.

import { PortcullisError } from './errors.js';
import { platform } from './platform.js';

const FOLDER = '.well-known/portcullis/';
const HEADS = 'heads/';
const BODIES = 'bodies/';
const TIMEOUT_MS = 5_000;
const KEYRING_EVERY_MS = 60_000;
const BODIES_AT_ONCE = 4;
// In bytes. A stamp has 154, a keyring of all the kids there can be 3.6 million; a bundle's bound
// is the core's own.
const LONGEST = { stamp: 1024, keyring: 4 << 20, bundle: 32 << 20 };
const KEYRING_MAY_HELP = new Set([
  'keyring_behind',
  'keyring_expired',
  'list_unknown_kid',
  'list_wrong_epoch',
]);

export function httpSource(url, options = {}) {
  const { fetch: fetcher = globalThis.fetch, timeout = TIMEOUT_MS } = options;
  const base = new URL(url);
  if (base.protocol !== 'https:' && base.protocol !== 'http:') {
    throw new TypeError('httpSource: an http or https address');
  }
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  return {
    async get(name, longest) {
      const address = new URL(FOLDER + name, base);
      const named = name.startsWith(HEADS) || name.startsWith(BODIES);
      const init = { signal: AbortSignal.timeout(timeout), ...(named ? {} : platform.fetch) };
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
  // An unread body would keep its connection.
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

// Keeps one verifier up to date from one source.
export class Refresher {
  #module;
  #source;
  #underWay;
  #keyringAt = -Infinity;

  constructor(module, source) {
    this.#module = module;
    this.#source = source;
  }

  run(clock) {
    if (!platform.sharesPromises) return this.#refresh(clock);
    this.#underWay ??= this.#refresh(clock).finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  async #refresh(clock) {
    if (this.#module.status(clock(), 0).list.number === null && (await this.#start(clock))) return;
    await this.#list(clock);
    if (clock() - this.#keyringAt >= KEYRING_EVERY_MS) await this.#keyring(clock);
  }

  // One file instead of three, where the issuer has one.
  async #start(clock) {
    try {
      const bundle = await this.#source.get('bundle', LONGEST.bundle);
      this.#module.adoptBundle(bundle, clock());
      this.#keyringAt = clock();
      return true;
    } catch (error) {
      // Too many shards for a bundle, or a bundle out of an old cache: its parts may do.
      const mayDo = error.status === 404 || error.code === 'list_past_next_update';
      if (!mayDo) throw error;
      await this.#keyring(clock);
      return false;
    }
  }

  async #keyring(clock) {
    const document = await this.#source.get('keyring', LONGEST.keyring);
    this.#keyringAt = clock();
    try {
      this.#module.offerKeyring(document);
    } catch (error) {
      // Some cache's older copy is no news, and no error either.
      if (error.code !== 'keyring_rollback') throw error;
    }
  }

  async #list(clock) {
    try {
      await this.#gather(clock);
    } catch (error) {
      // A list that moved on while its parts were fetched may have taken them down.
      if (error.status !== 404 && !KEYRING_MAY_HELP.has(error.code)) throw error;
      if (error.status !== 404) await this.#keyring(clock);
      await this.#gather(clock);
    }
  }

  async #gather(clock) {
    const stamp = await this.#source.get('stamp', LONGEST.stamp);
    const offer = (parts) => this.#module.offerList(stamp, parts, clock());
    const fetchAll = (place, files) =>
      Promise.all(files.map(({ digest, len }) => this.#source.get(place + digest, len)));
    const head = await fetchAll(HEADS, offer([]));
    if (head.length === 0) return;
    const wanted = offer(head);
    const parts = [...head];
    for (let at = 0; at < wanted.length; at += BODIES_AT_ONCE) {
      parts.push(...(await fetchAll(BODIES, wanted.slice(at, at + BODIES_AT_ONCE))));
    }
    // Without bodies to fetch the list was already taken with its head.
    if (wanted.length > 0) offer(parts);
  }
}
