// The package on top of the wasm module that an entry has started.

import { Verifier } from '../engine/verifier.js';
import { PortcullisError } from '../shared/errors.js';
import { exports } from './instance.js';
import { WasmEngine } from './engine.js';

export { covers, httpSource, PortcullisError } from '../engine/verifier.js';

export function createVerifier(options) {
  if (exports === undefined) {
    throw new PortcullisError('wasm_unavailable', 'there is no WebAssembly module yet: call init');
  }
  return new Verifier(WasmEngine, options);
}
