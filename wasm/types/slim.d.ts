/** The package without an embedded module, for hosts that supply the module themselves. */
export * from '../index.js';

/**
 * Starts the module of `portcullis/verifier.wasm`. Call it once, before the first `createVerifier`,
 * which throws `wasm_unavailable` until then.
 */
export function init(module: WebAssembly.Module | WebAssembly.Instance | BufferSource): void;
