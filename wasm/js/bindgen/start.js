// Starts the wasm-bindgen module with its glue when the first verifier is made. An entry says how
// to get the compiled module.

import * as glue from '../../dist/bindgen.js';
import { PortcullisError } from '../shared/errors.js';

let compile;

export function provide(compiled) {
  compile = compiled;
}

export function start() {
  if (compile === undefined) return;
  let exports;
  try {
    ({ exports } = new WebAssembly.Instance(compile(), { './bindgen_bg.js': glue }));
  } catch (cause) {
    const what = 'WebAssembly is not to be had: allow \'wasm-unsafe-eval\' in the page\'s Content-Security-Policy, '
      + 'or import portcullis/pure';
    throw new PortcullisError('wasm_unavailable', what, { cause });
  }
  glue.__wbg_set_wasm(exports);
  exports.__wbindgen_start();
  compile = undefined;
}
