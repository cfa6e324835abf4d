import { readFileSync } from 'node:fs';
import { initSync } from '../dist/portcullis.js';

initSync({ module: readFileSync(new URL('../dist/portcullis_bg.wasm', import.meta.url)) });

export * from './core.js';
