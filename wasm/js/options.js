// The options that callers hand in. Every call reads them here: a demand that is misspelt, misplaced or of
// the wrong type is told at once, for it must never pass for no demand. Only an object's own options count,
// so that nothing in Object.prototype is one.

import { offered, property } from './property.js';

export const KINDS = ['', 'secret', 'publishable'];
export const ENVIRONMENTS = ['', 'live', 'test'];

// The names that each call knows. Tests take them from here.
export const CALLS = new Map();

// What a call knows is a table of types by name. A type says what a value is, and `read` gives the value as
// it is used, or `undefined` when it is of another type.
export const TEXT = { what: 'a string', read: (value) => (typeof value === 'string' ? value : undefined) };
export const FUNCTION = { what: 'a function', read: (value) => (typeof value === 'function' ? value : undefined) };
export const INSTANT = { what: 'a Date, or milliseconds since 1970', read: millisOf };
export const DURATION = { what: 'milliseconds, 0 or more', read: (value) => (typeof value === 'number' && value >= 0 ? value : undefined) };
export const POSITIVE = { what: 'a number above 0', read: (value) => (typeof value === 'number' && value > 0 ? value : undefined) };
export const BYTES = { what: 'a Uint8Array or an ArrayBuffer', read: bytesOf };
export const KIND = oneOf(...KINDS.slice(1));
export const ENVIRONMENT = oneOf(...ENVIRONMENTS.slice(1));
export const SOURCE = {
  what: 'what httpSource(url) gives, or has a method `get` of its own',
  read: (value) => (typeof offered(value, 'get') === 'function' ? value : undefined),
};

export function oneOf(...words) {
  return { what: words.join(' or '), read: (value) => (words.includes(value) ? value : undefined) };
}

// Made by this, what was read has no prototype that anybody could write to.
function Found() {}
Found.prototype = Object.freeze(Object.create(null));
const { propertyIsEnumerable: isEnumerable } = Object.prototype;
const NOTHING = Object.freeze(new Found());

// Gives what reads the options of `call`.
export function options(call, types) {
  const known = Object.assign(new Found(), types);
  CALLS.set(call, Object.keys(known));
  return (given) => {
    if (given === undefined) return NOTHING;
    if (!isPlain(given)) throw new TypeError(`${call}: the options are one plain object`);
    const found = new Found();
    for (const name of Object.getOwnPropertyNames(given)) {
      const type = known[name];
      if (type === undefined) refuse(call, name, given, known);
      const value = type && given[name];
      if (value === undefined) continue;
      const read = type.read(value);
      if (read === undefined) throw wrong(call, name, type);
      found[name] = read;
    }
    // `Reflect.ownKeys` gives them with the names, and takes ten times as long.
    for (const name of Object.getOwnPropertySymbols(given)) if (known[name] === undefined) refuse(call, name, given, known);
    return found;
  };
}

// What is not enumerable is the language's own, as the tag of a module.
function refuse(call, name, given, known) {
  if (!isEnumerable.call(given, name)) return;
  const names = Object.keys(known);
  const near = nearest(String(name), names);
  const advice = near === undefined ? `there are ${names.join(', ')}` : `did you mean \`${near}\`?`;
  throw new TypeError(`\`${String(name)}\` is no option of ${call}; ${advice}`);
}

export function wrong(call, name, { what }) {
  return new TypeError(`${call}: \`${name}\` is ${what}`);
}

// The value, which is no option but an argument.
export function argument(call, name, type, value) {
  const read = value === undefined ? undefined : type.read(value);
  if (read === undefined) throw wrong(call, name, type);
  return read;
}

// The members of what can be iterated over. A text is no list of its characters.
export function listOf(value) {
  return typeof value === 'object' && typeof value?.[Symbol.iterator] === 'function' ? [...value] : undefined;
}

// An option that may be a function of the request.
export function orFunction({ what, read }) {
  return { what: `${what}, or a function`, read: (value) => (typeof value === 'function' ? value : read(value)) };
}

// An instance of a class may have its options anywhere, and a Map has none that are looked for. Another
// realm's Object.prototype is known by what it has.
export function isPlain(value) {
  if (typeof value !== 'object' || value === null) return false;
  const above = Object.getPrototypeOf(value);
  return above === null || above === Object.prototype || (Object.getPrototypeOf(above) === null && Object.hasOwn(above, 'isPrototypeOf'));
}

function millisOf(value) {
  const millis = value instanceof Date ? value.getTime() : value;
  return typeof millis === 'number' && millis >= 0 && millis < Infinity ? millis : undefined;
}

function bytesOf(value) {
  if (value instanceof Uint8Array) return value;
  return value instanceof ArrayBuffer ? new Uint8Array(value) : undefined;
}

// The name that was meant has most of its pairs of letters.
function nearest(name, names) {
  const pairs = Array.from(name, (_, at) => name.slice(at, at + 2).toLowerCase()).slice(0, -1);
  const shared = (one) => pairs.filter((pair) => one.toLowerCase().includes(pair)).length;
  const best = names.reduce((one, other) => (shared(other) > shared(one) ? other : one));
  return 2 * shared(best) > pairs.length ? best : undefined;
}
