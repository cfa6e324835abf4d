// Makes a class whose instances can be wrapped in a Proxy or used as a prototype, as mocks and
// tracing do. A private field belongs to one object, so a method that reads it throws when it is
// called on such a wrapper. The exported class is therefore a shell: its instance holds an instance
// of the inner class in a property, which a wrapper finds in the same way as a method.
//
// The property is not enumerable and the inner instance keeps everything in private fields, so that
// code that prints, copies or compares objects shows no secret. The inner instance is frozen, so
// that code that wraps objects deeply leaves it alone.

import { own } from './property.js';

const INNER = Symbol('inner');

// Returns the shell of `Inner`, with the same name, methods and getters.
export function wrappable(Inner) {
  const { [Inner.name]: Shell } = {
    [Inner.name]: class {
      constructor(...given) {
        Object.defineProperty(this, INNER, own({ value: Object.freeze(new Inner(...given)) }));
      }
    },
  };
  for (const name of Reflect.ownKeys(Inner.prototype)) {
    if (name === 'constructor') continue;
    const { value: method, get } = own(Object.getOwnPropertyDescriptor(Inner.prototype, name));
    const passed = {
      [name](...given) {
        return method.apply(this[INNER], given);
      },
    };
    const got = function got() {
      return get.call(this[INNER]);
    };
    const found = method === undefined ? { get: got } : { value: passed[name], writable: true };
    Object.defineProperty(Shell.prototype, name, own({ ...found, configurable: true }));
  }
  return Shell;
}
