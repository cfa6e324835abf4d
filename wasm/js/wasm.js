// The package on top of the wasm module that an entry has started.

import { Verifier } from './core.js';
import { PortcullisError } from './errors.js';
import { exports } from './instance.js';
import { Module } from './module.js';

export { covers, httpSource, PortcullisError } from './core.js';

export function createVerifier(options) {
  if (exports === undefined) {
    throw new PortcullisError('wasm_unavailable', 'there is no WebAssembly module yet: call init');
  }
  return new Verifier(Module, options);
}
