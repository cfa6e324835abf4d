// What an object that somebody else made says of itself. What stands in Object.prototype is said of every
// object there is, by whoever managed to write there, and so of none.

// The value of the object's own or of its class's, `undefined` when there is none.
export function property(object, name) {
  if (object === undefined || object === null) return undefined;
  let holder = object;
  do {
    if (Object.hasOwn(holder, name)) return object[name];
    holder = Object.getPrototypeOf(holder);
    // The root of a chain is Object.prototype, this realm's or another one's.
  } while (holder !== null && Object.getPrototypeOf(holder) !== null);
  return undefined;
}

// The same of what may be a Proxy that has nothing itself, and passes on what it is asked.
export function offered(object, name) {
  const value = property(object, name) ?? object?.[name];
  return value === Object.prototype[name] ? undefined : value;
}

// A copy that has what the object has itself, and nothing else.
export function own(object) {
  return { __proto__: null, ...object };
}
