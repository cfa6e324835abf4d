/**
 * The package without WebAssembly, for pages whose Content-Security-Policy forbids it. The same
 * verdicts, slower: a first Ed25519 signature takes milliseconds.
 */
export * from '../index.js';
