// The audit trail, `/v1/events`: in pages, or followed live.

import { readCall, readFollow } from './call-options.js';
import { IssuerError } from './error.js';
import { Pages } from './pages.js';
import { sleep } from './transport.js';
import { wrappable } from '../shared/wrappable.js';

const PATH = ['v1', 'events'];
// An idle stream sends a sign of life every 15 s.
const SILENCE_MS = 45_000;
const PAUSE_MS = 1_000;

export const Events = wrappable(class Events {
  #transport;

  constructor(transport) {
    this.#transport = transport;
  }

  list(filter = {}, options) {
    const call = readCall(options);
    const read = async (query) => {
      const { body } = await this.#transport.send(
        { method: 'GET', path: PATH, query, again: true },
        call,
      );
      const next = body.next_cursor == null ? null : { ...query, cursor: body.next_cursor };
      return { items: body.events, next, count: null };
    };
    return new Pages(read, filter);
  }

  // Yields each event once and in order, across lost connections, until the caller stops.
  follow(filter, options) {
    const { type, after, silence = SILENCE_MS } = readFollow(filter);
    return this.#follow(type, after, silence, readCall(options).signal);
  }

  async *#follow(type, after, silence, signal) {
    // Start after the newest event, so that events that arrive while the connection is made are not
    // missed.
    let last = after ?? (await this.#newest({ signal }));
    for (;;) {
      try {
        for await (const event of this.#stream(type, last, silence, signal)) {
          last = event.id;
          yield event;
        }
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        // A refusal would repeat, so it ends the iteration; a lost connection is made again.
        if (error instanceof IssuerError && error.status !== null) throw error;
      }
      await sleep(PAUSE_MS, signal);
    }
  }

  async #newest(options) {
    const { items } = await this.list({ limit: 1 }, options).page();
    return items[0]?.id ?? 0;
  }

  async *#stream(type, after, silence, signal) {
    const stop = new AbortController();
    const ended = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
    const act = {
      method: 'GET',
      path: [...PATH, 'stream'],
      query: { type, after },
      again: true,
      open: true,
    };
    const { body } = await this.#transport.send(act, { signal: ended });
    let timer;
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => stop.abort(), silence);
      // The connection keeps the process alive; the timer must not.
      timer.unref?.();
    };
    const decoder = new TextDecoder();
    let text = '';
    try {
      const reader = body.getReader();
      for (;;) {
        heard();
        const { done, value } = await reader.read();
        if (done) return;
        text += decoder.decode(value, { stream: true }).replaceAll('\r', '');
        const messages = text.split('\n\n');
        text = messages.pop();
        for (const message of messages) {
          const lines = message.split('\n');
          // The key may no longer open the stream. The next connection is refused with the reason.
          if (lines.includes('event: stream.ended')) return;
          const data = lines.filter((line) => line.startsWith('data:'));
          if (data.length > 0)
            yield JSON.parse(data.map((line) => line.slice('data:'.length).trimStart()).join('\n'));
        }
      }
    } finally {
      clearTimeout(timer);
      stop.abort();
    }
  }
});
