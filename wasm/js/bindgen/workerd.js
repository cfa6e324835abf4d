import module from '../../dist/bindgen.wasm';
import { provide } from './start.js';

provide(() => module);

export * from './verifier.js';
