import init from '../dist/portcullis.js';
import { platform } from './platform.js';
import { SIMD } from './simd.js';

// wasm-bindgen's own loader streams, and falls back where the server sends another MIME type.
// Two addresses in full: bundlers look for them.
const module_or_path = SIMD
  ? new URL('../dist/portcullis_bg.wasm', import.meta.url)
  : new URL('../dist/portcullis_plain_bg.wasm', import.meta.url);
await init({ module_or_path });
// A stamp out of the browser's cache would be old; asked for so, an unchanged one costs a 304.
platform.fetch = { cache: 'no-cache' };

export * from './core.js';
