/**
 * The WebAssembly module, or where the page's Content-Security-Policy forbids it the same in
 * JavaScript, which is loaded only then. Needs a host with top-level `await`.
 */
export * from '../index.js';

/** Which of the two it is. */
export const engine: 'wasm' | 'javascript';
