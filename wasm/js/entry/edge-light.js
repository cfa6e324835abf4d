// Vercel's edge runtime, and Next.js's middleware. Compiling wasm from bytes is forbidden there.
import module from '../../dist/portcullis.wasm?module';
import { start } from '../wasm/instance.js';
import { platform } from '../shared/platform.js';

start(new WebAssembly.Instance(module));
// A fetch may end with the request that started it.
platform.sharesPromises = false;

export * from '../wasm/create-verifier.js';
