// Reads properties of foreign objects. A property of Object.prototype would appear on every object,
// set by any code that can write there, so it is ignored.

// The value of a property that the object or its class has, else `undefined`.
export function property(object, name) {
  if (object === undefined || object === null) return undefined;
  let holder = object;
  do {
    if (Object.hasOwn(holder, name)) return object[name];
    holder = Object.getPrototypeOf(holder);
    // The root of a prototype chain is Object.prototype, of this realm or another.
  } while (holder !== null && Object.getPrototypeOf(holder) !== null);
  return undefined;
}

// Like property, for an object that may be a Proxy without properties of its own.
export function offered(object, name) {
  const value = property(object, name) ?? object?.[name];
  return value === Object.prototype[name] ? undefined : value;
}

// A copy with the object's own properties and no prototype.
export function own(object) {
  return { __proto__: null, ...object };
}
