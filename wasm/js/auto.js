// The wasm module, or where it can't be had the same in JavaScript, which is loaded only then. In one
// file, so that a bundler can't let it wait for the one that waits for it.

import * as inline from './inline.js';

let chosen = inline;
try {
  // Eight bytes: the smallest module there is.
  new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
} catch {
  chosen = await import('../dist/pure.js');
}

export const engine = chosen === inline ? 'wasm' : 'javascript';
export const { createVerifier, httpSource, PortcullisError, covers } = chosen;
