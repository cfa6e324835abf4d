import { readFileSync } from 'node:fs';
import { initSync } from '../dist/portcullis.js';
import { SIMD } from './simd.js';

const module = SIMD
  ? new URL('../dist/portcullis_bg.wasm', import.meta.url)
  : new URL('../dist/portcullis_plain_bg.wasm', import.meta.url);
initSync({ module: readFileSync(module) });

export * from './core.js';
