// The client of the issuer's API: `portcullis/issuer`.

import { longer, readCall, readVerify, readLift, waiting } from './call-options.js';
import { Events } from './events.js';
import { Keys } from './keys.js';
import { Pages } from './pages.js';
import { Transport } from './transport.js';
import { own, property } from '../shared/property.js';

export { IssuerError } from './error.js';

export function createIssuer(options) {
  const transport = new Transport(options);
  const send = async (act, options) => (await transport.send(act, readCall(options))).body;
  return {
    keys: new Keys(transport),
    owners: owners(send),
    policies: policies(send),
    bulkRevocations: bulkRevocations(send),
    events: new Events(transport),
    webhooks: webhooks(send),
    admins: { create: (body, options) => send({ method: 'POST', path: ['v1', 'admins'], body }, options) },
    settings: {
      show: (options) => send({ method: 'GET', path: ['v1', 'settings'], again: true }, options),
      // Safe to repeat, because it sets values; but not with `if_version`, since the first attempt
      // changes the version.
      change: (body, options) =>
        send({ method: 'PATCH', path: ['v1', 'settings'], body, again: property(body, 'if_version') === undefined }, options),
    },
    usage: { report: (uses, options) => send({ method: 'POST', path: ['v1', 'usage'], body: { uses } }, options) },
    keyring: {
      show: (options) => send({ method: 'GET', path: ['v1', 'keyring'], again: true }, options),
      labels: (options) => send({ method: 'GET', path: ['v1', 'keyring', 'labels'], again: true }, options),
    },
    list: {
      show: (options) => send({ method: 'GET', path: ['v1', 'list'], again: true }, options),
      publish: (options) => send({ method: 'POST', path: ['v1', 'list', 'publish'], again: true }, options),
    },
    async verify(token, options) {
      const { kind, environment, signal } = readVerify(options);
      const body = own({ token, kind, environment });
      return send({ method: 'POST', path: ['v1', 'verify'], body, again: true }, { signal });
    },
    revokeHeld: (token, options) =>
      send({ method: 'POST', path: ['v1', 'self', 'revoke'], bearer: token }, options),
    health: {
      live: (options) => healthy(send, 'live', options),
      ready: (options) => healthy(send, 'ready', options),
    },
  };
}

// Resolves if the issuer is live or ready, else rejects with its reason.
async function healthy(send, what, options) {
  await send({ method: 'GET', path: ['health', what], again: true, lines: true }, options);
}

// The calls that every numbered collection has. `name` is the name of the list in an answer.
function numbered(send, name) {
  const path = ['v1', name];
  return {
    create: (body, options) => send({ method: 'POST', path, body }, options),
    list(filter = {}, options) {
      readCall(options);
      const read = async (query) => {
        const page = await send({ method: 'GET', path, query, again: true }, options);
        const next = page.next_after == null ? null : { ...query, after: page.next_after };
        return { items: page[name], next, count: null };
      };
      return new Pages(read, filter);
    },
    get: (number, options) => send({ method: 'GET', path: [...path, number], again: true }, options),
    update: (number, body, options) =>
      send({ method: 'PATCH', path: [...path, number], body, again: true }, options),
  };
}

function owners(send) {
  const remove = (number, options) =>
    send({ method: 'DELETE', path: ['v1', 'owners', number], again: true }, options);
  return {
    ...numbered(send, 'owners'),
    delete: (number, options) =>
      remove(number, options).then(
        () => undefined,
        goneBefore(() => undefined),
      ),
  };
}

function policies(send) {
  const remove = (number, options) =>
    send({ method: 'DELETE', path: ['v1', 'policies', number], again: true }, options);
  return {
    ...numbered(send, 'policies'),
    delete: (number, options) =>
      remove(number, options).catch(goneBefore(() => ({ number, deleted: true, published: false }))),
  };
}

// A number is never reused. So if an earlier attempt may have deleted it, a 404 counts as success.
function goneBefore(answer) {
  return (error) => {
    if (error.maybeDone && error.status === 404) return answer();
    throw error;
  };
}

function bulkRevocations(send) {
  const path = ['v1', 'bulk-revocations'];
  return {
    async create(given, options) {
      const { wait, body } = waiting('bulkRevocations.create', given);
      return send({ method: 'POST', path, query: { wait }, body, ...longer(wait) }, options);
    },
    list: async (options) => (await send({ method: 'GET', path, again: true }, options)).bulk_revocations,
    async lift(id, options) {
      const { wait, signal } = readLift(options);
      return send({ method: 'POST', path: [...path, id, 'lift'], query: { wait }, ...longer(wait) }, { signal });
    },
  };
}

const LARGEST_PAGE = 200;

function webhooks(send) {
  const path = ['v1', 'webhooks'];
  const of = (id, method, act, rest, options) =>
    send({ method, path: [...path, id, ...act], ...rest }, options);
  return {
    create: (body, options) => send({ method: 'POST', path, body }, options),
    list: async (options) => (await send({ method: 'GET', path, again: true }, options)).webhooks,
    get: (id, options) => of(id, 'GET', [], { again: true }, options),
    update: (id, body, options) => of(id, 'POST', [], { body, again: true }, options),
    delete: (id, options) =>
      of(id, 'DELETE', [], { again: true }, options).catch(goneBefore(() => ({ id, deleted: true }))),
    // Not retried: a second rotation would lose the first new secret.
    rotateSecret: (id, body = {}, options) => of(id, 'POST', ['rotate-secret'], { body }, options),
    replay: (id, body, options) => of(id, 'POST', ['replay'], { body }, options),
    deliveries(id, filter = {}, options) {
      readCall(options);
      const read = async (asked) => {
        const { limit = LARGEST_PAGE, ...rest } = own(asked);
        const query = { ...rest, limit };
        const { deliveries } = await of(id, 'GET', ['deliveries'], { query, again: true }, options);
        const next = deliveries.length < limit ? null : { ...query, before: deliveries.at(-1).id };
        return { items: deliveries, next, count: null };
      };
      return new Pages(read, filter);
    },
  };
}
