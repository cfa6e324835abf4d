import module from '../dist/portcullis.wasm';
import { start } from './instance.js';
import { platform } from './platform.js';

start(new WebAssembly.Instance(module));
// workerd cancels a fetch with the request that made it: who waits for another's waits for ever.
platform.sharesPromises = false;

export * from './wasm.js';
