// The package without WebAssembly, for pages whose Content-Security-Policy forbids it.

import { Verifier } from '../engine/verifier.js';
import { Engine } from '../pure/engine.js';

export { covers, httpSource, PortcullisError } from '../engine/verifier.js';

export function createVerifier(options) {
  return new Verifier(Engine, options);
}
