import module from '../../dist/portcullis.wasm';
import { start } from '../wasm/instance.js';
import { platform } from '../shared/platform.js';

start(new WebAssembly.Instance(module));
// workerd cancels a fetch together with the request that started it, so a request that waits for
// another's fetch would wait forever.
platform.sharesPromises = false;

export * from '../wasm/create-verifier.js';
