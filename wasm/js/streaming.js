// The package with its module beside it, which is compiled while it comes: for pages without a
// bundler, and for bundlers that know such an address.

import { start } from './instance.js';
import { platform } from './platform.js';

// In full: bundlers look for it.
const module = new URL('../dist/portcullis.wasm', import.meta.url);
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

export * from './wasm.js';
