import { readFileSync } from 'node:fs';
import { start } from './instance.js';
import { SIMD } from './simd.js';

const module = SIMD
  ? new URL('../dist/portcullis.wasm', import.meta.url)
  : new URL('../dist/portcullis_plain.wasm', import.meta.url);
start(new WebAssembly.Instance(new WebAssembly.Module(readFileSync(module))));

export * from './core.js';
