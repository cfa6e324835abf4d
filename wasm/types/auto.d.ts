/**
 * The WebAssembly module; or, if the page's Content-Security-Policy forbids it, the JavaScript
 * engine, which is loaded only then. Needs a host with top-level `await`.
 */
export * from '../index.js';

/** Which of the two engines is in use. */
export const engine: 'wasm' | 'javascript';
