// What makes a class whose instances others hold. They may wrap it: in a Proxy, or as the prototype of another
// object, as mocks and tracing do. A private field belongs to one object, so a method that reads it throws when
// it is called on such a wrapper. So the class that others know is a shell. Its instance holds one of the inner
// class in a property, which a wrapper finds in the same way as it finds a method.
//
// The property is not enumerable, and the inner one keeps everything in private fields: nothing that prints,
// copies or compares objects shows a secret. It is frozen, so that what wraps objects deeply leaves it alone.

import { own } from './property.js';

const INNER = Symbol('inner');

// The shell of `Inner`, under its name and with its methods and getters.
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
