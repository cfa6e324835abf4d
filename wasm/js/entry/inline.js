// The package with the module embedded: works with any bundler or none, and needs no further
// request.

import { MODULE } from '../../dist/inline.js';
import { PortcullisError } from '../shared/errors.js';
import { fromHex } from '../shared/hex.js';
import { exports, start } from '../wasm/instance.js';
import { platform } from '../shared/platform.js';
import { createVerifier as create } from '../wasm/create-verifier.js';

export { covers, httpSource, PortcullisError } from '../engine/verifier.js';

// A browser cache could return an old stamp. With `no-cache`, the browser revalidates, and an
// unchanged stamp costs a 304.
if (globalThis.document !== undefined || typeof globalThis.importScripts === 'function') {
  platform.fetch = { cache: 'no-cache' };
}

export function createVerifier(options) {
  if (exports === undefined) start(instantiate());
  return create(options);
}

function instantiate() {
  try {
    return new WebAssembly.Instance(new WebAssembly.Module(fromHex(MODULE)));
  } catch (cause) {
    const what = 'WebAssembly is not to be had: allow \'wasm-unsafe-eval\' in the page\'s Content-Security-Policy, '
      + 'or import portcullis/pure';
    throw new PortcullisError('wasm_unavailable', what, { cause });
  }
}
