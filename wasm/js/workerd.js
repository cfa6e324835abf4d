import module from '../dist/portcullis_bg.wasm';
import { initSync } from '../dist/portcullis.js';
import { platform } from './platform.js';

initSync({ module });
// workerd cancels a fetch with the request that made it: who waits for another's waits for ever.
platform.sharesPromises = false;

export * from './core.js';
