// The wasm module, or the JavaScript engine if WebAssembly is not available; the latter is loaded
// only then. This stays one file, because a bundler that splits it can create two modules that wait
// for each other.

import * as inline from './inline.js';

// A function that makes a vector. An engine without SIMD can't load our module.
const VECTOR = Uint8Array.of(
  0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, // \0asm, version 1
  1, 5, 1, 0x60, 0, 1, 0x7b, //       one type: () -> v128
  3, 2, 1, 0, //                      one function, of that type
  10, 8, 1, 6, 0, 0x41, 0, 0xfd, 15, 0x0b, // i32.const 0, i8x16.splat
);

let chosen = inline;
try {
  if (!WebAssembly.validate(VECTOR)) throw new TypeError('this engine knows no vectors');
  // Even if it validates, the page's Content-Security-Policy may forbid compiling it.
  new WebAssembly.Module(VECTOR);
} catch {
  chosen = await import('../../dist/pure.js');
}

export const engine = chosen === inline ? 'wasm' : 'javascript';
export const { createVerifier, httpSource, PortcullisError, covers } = chosen;
