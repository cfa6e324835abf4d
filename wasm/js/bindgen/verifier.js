// The class of the wasm-bindgen module as the package's users hold it. The module's own class keeps
// an address in a property: a copy of such an object, or `free` of a wrapper, would leave an address
// of memory that is in use for something else. Here it is private, and the memory is freed when the
// verifier is garbage collected.

import { Verifier as Bound } from '../../dist/bindgen.js';
import { PortcullisError } from '../shared/errors.js';
import { wrappable } from '../shared/wrappable.js';
import { start } from './start.js';

export { PortcullisError } from '../shared/errors.js';

export const Verifier = wrappable(class Verifier {
  #bound;

  constructor(options) {
    start();
    this.#bound = called(() => new Bound(options));
  }

  verify(token, options) {
    return called(() => this.#bound.verify(token, options));
  }

  adopt(bundle, options) {
    return called(() => this.#bound.adopt(bundle, options));
  }

  update(files, options) {
    return called(() => this.#bound.update(files, options));
  }

  status(options) {
    return called(() => this.#bound.status(options));
  }
});

// The module has no class for its errors but `Error`.
function called(call) {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'PortcullisError' || error instanceof PortcullisError) throw error;
    throw new PortcullisError(error.code, error.message);
  }
}
