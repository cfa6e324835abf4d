// Reads the options of every call. A misspelt or misplaced option, or one of the wrong type, throws
// at once, because it must never count as no requirement. Only an object's own properties count, so that
// nothing in Object.prototype acts as an option.

import { ENVIRONMENTS, KINDS } from '../generated/abi.js';
import { offered, property } from './property.js';

export { ENVIRONMENTS, KINDS };

// The option names of each call. Tests read them from here.
export const CALLS = new Map();

// Each call has a table of types by option name. A type describes the value in `what`; its `read`
// returns the value to use, or `undefined` if the type is wrong.
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

const { propertyIsEnumerable: isEnumerable } = Object.prototype;

// Returns the function that reads the options of `call`. Its results all have every name, so that
// they share one hidden class and nothing in Object.prototype is ever read.
export function optionsReader(call, types) {
  const all = Reflect.ownKeys(types);
  const known = new Map(all.map((name) => [name, types[name]]));
  const nothing = Object.fromEntries(all.map((name) => [name]));
  const names = Object.keys(types);
  CALLS.set(call, names);
  const readOne = (name, given, found) => {
    const type = known.get(name);
    if (type === undefined) return refuse(call, names, name, given);
    const value = given[name];
    if (value === undefined) return;
    const read = type.read(value);
    if (read === undefined) throw wrong(call, name, type);
    found[name] = read;
  };
  return (given) => {
    const found = { ...nothing };
    if (given === undefined) return found;
    if (!isPlain(given)) throw new TypeError(`${call}: the options are one plain object`);
    for (const name of Object.getOwnPropertyNames(given)) readOne(name, given, found);
    // To ask for symbols takes as long as all the rest, and only Medusa names an option by one.
    if (names.length < all.length) for (const name of Object.getOwnPropertySymbols(given)) readOne(name, given, found);
    return found;
  };
}

// A property that is not enumerable comes from the language itself, like the tag of a module, and
// is ignored.
function refuse(call, names, name, given) {
  if (!isEnumerable.call(given, name)) return;
  const near = nearest(String(name), names);
  const advice = near === undefined ? `there are ${names.join(', ')}` : `did you mean \`${near}\`?`;
  throw new TypeError(`\`${String(name)}\` is no option of ${call}; ${advice}`);
}

export function wrong(call, name, { what }) {
  return new TypeError(`${call}: \`${name}\` is ${what}`);
}

// Reads an argument that is not an option.
export function argument(call, name, type, value) {
  const read = value === undefined ? undefined : type.read(value);
  if (read === undefined) throw wrong(call, name, type);
  return read;
}

// The members of an iterable. A string doesn't count as a list of its characters.
export function listOf(value) {
  return typeof value === 'object' && typeof value?.[Symbol.iterator] === 'function' ? [...value] : undefined;
}

// An option that may also be a function of the request.
export function orFunction({ what, read }) {
  return { what: `${what}, or a function`, read: (value) => (typeof value === 'function' ? value : read(value)) };
}

// Whether the value is a plain object. An instance of a class may keep its options anywhere, and a
// Map has none of the names that we read, so both are refused. Another realm's Object.prototype is
// recognized by its own `isPrototypeOf`.
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

// The known name that was probably meant: it shares more than half of the pairs of letters.
function nearest(name, names) {
  const pairs = Array.from(name, (_, at) => name.slice(at, at + 2).toLowerCase()).slice(0, -1);
  const shared = (one) => pairs.filter((pair) => one.toLowerCase().includes(pair)).length;
  const best = names.reduce((one, other) => (shared(other) > shared(one) ? other : one));
  return 2 * shared(best) > pairs.length ? best : undefined;
}
