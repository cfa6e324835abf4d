/**
 * The package without WebAssembly, for pages whose Content-Security-Policy forbids it. The verdicts
 * are the same, but slower: the first check of an Ed25519 signature takes milliseconds.
 */
export * from '../index.js';
