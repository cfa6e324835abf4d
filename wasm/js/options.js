// What callers hand in, looked at: a misspelt or misplaced option is told, never passed over.

export const KINDS = ['', 'secret', 'publishable'];
export const ENVIRONMENTS = ['', 'live', 'test'];

const NOTHING = Object.freeze({});

export function object(value, what) {
  if (value === undefined) return NOTHING;
  if (typeof value !== 'object' || value === null) throw new TypeError(`${what}: an object`);
  return value;
}

export function choice(names, name, what) {
  if (name === undefined) return 0;
  if (name === names[1]) return 1;
  if (name === names[2]) return 2;
  // A misspelt demand must not read as no demand.
  throw new TypeError(`${what}: one of ${names.slice(1).join(', ')}`);
}

export function instant(now) {
  if (now === undefined) return Date.now();
  const millis = now instanceof Date ? now.getTime() : now;
  if (typeof millis === 'number' && millis >= 0 && millis < Infinity) return millis;
  throw new TypeError('now: a Date, or milliseconds since 1970');
}

export function duration(millis, otherwise, what) {
  if (millis === undefined) return otherwise;
  if (typeof millis === 'number' && millis >= 0) return millis;
  throw new TypeError(`${what}: milliseconds`);
}

export function bytes(value, what) {
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  throw new TypeError(`${what}: a Uint8Array or an ArrayBuffer`);
}

// An option that may be a function of the request.
export function read(value, request) {
  return typeof value === 'function' ? value(request) : value;
}
