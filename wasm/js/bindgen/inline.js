// The wasm-bindgen class with its module embedded: works in Node, and with any bundler or none.

import { MODULE } from '../../dist/bindgen-inline.js';
import { provide } from './start.js';
import { fromHex } from '../shared/hex.js';

provide(() => new WebAssembly.Module(fromHex(MODULE)));

export * from './verifier.js';
