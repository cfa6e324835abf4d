// Without an embedded module: call `init(module)` once, before the first createVerifier.

import { start } from '../wasm/instance.js';

export * from '../wasm/create-verifier.js';

export function init(module) {
  if (module instanceof WebAssembly.Instance) start(module);
  else if (module instanceof WebAssembly.Module) start(new WebAssembly.Instance(module));
  else start(new WebAssembly.Instance(new WebAssembly.Module(module)));
}
