import { start } from './instance.js';
import { platform } from './platform.js';
import { SIMD } from './simd.js';

// Two addresses in full: bundlers look for them.
const module = SIMD
  ? new URL('../dist/portcullis.wasm', import.meta.url)
  : new URL('../dist/portcullis_plain.wasm', import.meta.url);
const response = await fetch(module);
if (!response.ok) throw new Error(`${module} answered ${response.status}`);
// A stream is compiled while it comes, but only where the server knows the type.
const { instance } =
  response.headers.get('content-type') === 'application/wasm'
    ? await WebAssembly.instantiateStreaming(response)
    : await WebAssembly.instantiate(await response.arrayBuffer());
start(instance);
// A stamp out of the browser's cache would be old; asked for so, an unchanged one costs a 304.
platform.fetch = { cache: 'no-cache' };

export * from './core.js';
