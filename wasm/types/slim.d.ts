/** The package without its module: for hosts that hand it out by themselves. */
export * from '../index.js';

/**
 * Starts the module of `portcullis/verifier.wasm`. Once, before the first `createVerifier`, which
 * throws `wasm_unavailable` until then.
 */
export function init(module: WebAssembly.Module | WebAssembly.Instance | BufferSource): void;
