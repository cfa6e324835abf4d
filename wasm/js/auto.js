// The wasm module, or where it can't be had the same in JavaScript, which is loaded only then.

import * as inline from './inline.js';

let chosen = inline;
try {
  // Eight bytes: the smallest module there is.
  new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
} catch {
  chosen = await import('./pure.js');
}

export const engine = chosen === inline ? 'wasm' : 'javascript';
export const createVerifier = (options) => chosen.createVerifier(options);
export { covers, httpSource, PortcullisError } from './core.js';
