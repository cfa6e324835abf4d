// Stand-ins for Cloudflare's services beside requests, with workerd's protocols: Queues, cron triggers
// and Analytics Engine.

import { listen, read } from './http.mjs';

const FRONT = `
  export default {
    async fetch(request, { GATE }) {
      const { pathname } = new URL(request.url);
      if (pathname === '/-/scheduled') {
        return Response.json(await GATE.scheduled({ cron: '* * * * *', scheduledTime: new Date() }));
      }
      if (pathname !== '/-/queue') return GATE.fetch(request);
      const { queue, messages } = await request.json();
      const at = ({ timestamp, ...message }) => ({ ...message, timestamp: new Date(timestamp) });
      return Response.json(await GATE.queue(queue, messages.map(at)));
    },
  };`;

/** What calls a gate as the platform does: `callScheduled` and `callQueue` go through it. */
export const platform = {
  front: 'platform',
  services: [
    `(name = "platform", worker = (
      modules = [(name = "platform.js", esModule = ${JSON.stringify(FRONT)})],
      compatibilityDate = "2026-04-01",
      compatibilityFlags = ["service_binding_extra_handlers"],
      bindings = [(name = "GATE", service = "gate")])),`,
  ],
  flags: ['--experimental'],
};

const external = (name, { url }) => `(name = "${name}", external = (address = "${new URL(url).host}", http = ())),`;

/** All of these together, each made of what the functions here give. */
export function bound(...parts) {
  const joined = (name) => parts.flatMap((part) => part[name] ?? []);
  return { ...Object.assign({}, ...parts), ...Object.fromEntries(['services', 'bindings', 'flags'].map((name) => [name, joined(name)])) };
}

/** Lets a cron trigger fire; gives how that ended. */
export async function callScheduled(gate) {
  const { outcome } = await (await fetch(`${gate.url}/-/scheduled`)).json();
  return outcome;
}

/** A dataset of Analytics Engine: `points` are `{ dataset, index, blobs, doubles }`. */
export async function startAnalytics() {
  const points = [];
  const server = await listen(async (incoming, outgoing) => {
    const { dataset, ...columns } = JSON.parse(await read(incoming));
    const text = (bytes) => Buffer.from(bytes ?? []).toString();
    const all = (name) => Array.from({ length: 20 }, (_, at) => columns[`${name}${at + 1}`]);
    points.push({
      dataset: text(dataset),
      index: text(columns.index1),
      blobs: all('blob').map(text),
      doubles: all('double').map(Number),
    });
    outgoing.end();
  });
  return {
    ...server,
    points,
    services: [external('analytics', server)],
    bindings: ['(name = "ANALYTICS", analyticsEngine = "analytics"),'],
    flags: ['--experimental'],
  };
}

/** A queue that takes what is sent to it, and delivers it when it is told to. */
export async function startQueue() {
  const queue = { messages: [], refuses: false };
  const server = await listen(async (incoming, outgoing) => {
    const body = await read(incoming);
    if (queue.refuses || incoming.method !== 'POST' || new URL(incoming.url, 'http://queue').pathname !== '/message') {
      outgoing.statusCode = 500;
      return outgoing.end();
    }
    const format = incoming.headers['x-msg-fmt'];
    queue.messages.push({ id: String(queue.messages.length), timestamp: Date.now(), attempts: 1, format, text: body.toString() });
    outgoing.end();
  });
  return Object.assign(queue, server, {
    services: [external('queue', server)],
    bindings: ['(name = "USAGE_QUEUE", queue = "queue"),'],
    /**
     * Hands messages to a gate, all that wait unless others are given; keeps those that are to come
     * again. Gives what the gate said of them.
     */
    async deliver(gate, messages = queue.messages) {
      const spelled = messages.map(({ format, text, ...message }) => ({
        ...message,
        body: format === 'json' ? JSON.parse(text) : text,
      }));
      const answer = await fetch(`${gate.url}/-/queue`, {
        method: 'POST',
        body: JSON.stringify({ queue: 'portcullis-usage', messages: spelled }),
      });
      const told = await answer.json();
      const acked = new Set(told.explicitAcks);
      queue.messages = messages.filter(({ id }) => told.outcome !== 'ok' || !acked.has(id));
      return told;
    },
  });
}
