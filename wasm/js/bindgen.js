// The wasm-bindgen class with its module embedded: works in Node, and with any bundler or none.

import { MODULE } from '../dist/bindgen-inline.js';
import { provide } from './bindgen/start.js';
import { fromHex } from './hex.js';

provide(() => new WebAssembly.Module(fromHex(MODULE)));

export * from './bindgen/verifier.js';
