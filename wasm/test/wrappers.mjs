// The ways in which applications wrap objects: mocks, tracing, test runners, reactive stores.

import { inspect } from 'node:util';

/** The wrapped `it`, by the name of the wrapper. */
export const WRAPPERS = {
  'a Proxy with an empty handler': (it) => new Proxy(it, {}),
  'a Proxy that reflects': (it) => new Proxy(it, { get: (target, name, receiver) => Reflect.get(target, name, receiver) }),
  'a Proxy of nothing that passes on what it is asked': (it) => new Proxy({}, { get: (_, name) => it[name] }),
  'a Proxy of a Proxy': (it) => new Proxy(new Proxy(it, {}), {}),
  'a Proxy that calls by itself': (it) => new Proxy(it, {
    get(target, name, receiver) {
      const value = Reflect.get(target, name, receiver);
      return typeof value === 'function' ? (...given) => value.apply(receiver, given) : value;
    },
  }),
  'a Proxy that wraps deeply': deep,
  'an object whose prototype it is': (it) => Object.create(it),
  'an object whose prototype is a Proxy of it': (it) => Object.create(new Proxy(it, {})),
  'an object with its methods bound': bound,
  'an instance of a subclass': (it) => {
    if (Object.getPrototypeOf(it) === Object.prototype) return it;
    class Sub extends it.constructor {}
    return Object.setPrototypeOf(it, Sub.prototype);
  },
};

/** The methods and getters of an object, including those of its class. */
export function members(it) {
  const found = new Set();
  for (let holder = it; holder !== null && holder !== Object.prototype; holder = Object.getPrototypeOf(holder)) {
    for (const name of Reflect.ownKeys(holder)) {
      const { value, get } = Object.getOwnPropertyDescriptor(holder, name);
      if (name !== 'constructor' && (typeof value === 'function' || get !== undefined)) found.add(name);
    }
  }
  return [...found];
}

/** Everything that printing, listing or copying an object shows, as one text. */
export function shown(it) {
  const whole = { showHidden: true, showProxy: true, depth: 20, getters: false };
  const named = [];
  for (const name in it) named.push(name, String(it[name]));
  return [inspect(it), inspect(it, whole), JSON.stringify(it), Object.keys(it), inspect({ ...it }, whole), named, String(it)].join('\n');
}

// Like reactive stores, which don't wrap frozen objects.
function deep(it) {
  return new Proxy(it, {
    get(target, name, receiver) {
      const value = Reflect.get(target, name, receiver);
      const may = typeof value === 'object' && value !== null && Object.isExtensible(value);
      return may && !(value instanceof Promise) ? deep(value) : value;
    },
  });
}

function bound(it) {
  const made = {};
  for (const name of members(it)) {
    const value = it[name];
    made[name] = typeof value === 'function' ? value.bind(it) : value;
  }
  for (const [name, value] of Object.entries(it)) made[name] ??= value;
  return made;
}
