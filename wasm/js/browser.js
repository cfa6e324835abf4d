import init from '../dist/portcullis.js';
import { platform } from './platform.js';

// wasm-bindgen's own loader streams, and falls back where the server sends another MIME type.
await init({ module_or_path: new URL('../dist/portcullis_bg.wasm', import.meta.url) });
// A stamp out of the browser's cache would be old; asked for so, an unchanged one costs a 304.
platform.fetch = { cache: 'no-cache' };

export * from './core.js';
