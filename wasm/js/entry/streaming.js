// The package with its module as a separate file, which is compiled while it downloads: for pages
// without a bundler, and for bundlers that recognize such a URL.

import { start } from '../wasm/instance.js';
import { platform } from '../shared/platform.js';

// Bundlers look for exactly this expression.
const module = new URL('../../dist/portcullis.wasm', import.meta.url);
const response = await fetch(module);
if (!response.ok) throw new Error(`${module} answered ${response.status}`);
// A stream can be compiled only if the server sends the right content type.
const { instance } =
  response.headers.get('content-type') === 'application/wasm'
    ? await WebAssembly.instantiateStreaming(response)
    : await WebAssembly.instantiate(await response.arrayBuffer());
start(instance);
// A browser cache could return an old stamp. With `no-cache`, the browser revalidates, and an
// unchanged stamp costs a 304.
platform.fetch = { cache: 'no-cache' };

export * from '../wasm/create-verifier.js';
