// Vercel's edge runtime, and Next.js's middleware. Compiling wasm from bytes is forbidden there.
import module from '../../dist/bindgen.wasm?module';
import { provide } from './start.js';

provide(() => module);

export * from './verifier.js';
