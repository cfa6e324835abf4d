// biscuit-wasm without the experimental wasm imports that its own entry needs.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const FOLDER = join(
  dirname(fileURLToPath(import.meta.url)),
  '../node_modules/@biscuit-auth/biscuit-wasm/module',
);
export const MODULE = join(FOLDER, 'biscuit_bg.wasm');
export const GLUE = [join(FOLDER, 'biscuit_bg.js'), join(FOLDER, 'biscuit.js')];

export async function load() {
  const compiled = new WebAssembly.Module(readFileSync(MODULE));
  const names = new Set(WebAssembly.Module.imports(compiled).map(({ module }) => module));
  const imports = {};
  for (const name of names) imports[name] = await import(pathToFileURL(join(FOLDER, name)));
  const biscuit = imports['./biscuit_bg.js'];
  const { exports } = new WebAssembly.Instance(compiled, imports);
  biscuit.__wbg_set_wasm(exports);
  exports.__wbindgen_start();
  return biscuit;
}

// Tokens with the same claims as ours, and what opens one: signatures alone, no authorizer.
export function make({ Biscuit, KeyPair, SignatureAlgorithm }, count) {
  const pair = new KeyPair(SignatureAlgorithm.Ed25519);
  const root = pair.getPublicKey();
  const tokens = Array.from({ length: count }, (_, serial) => {
    const builder = Biscuit.builder();
    builder.addCode(`key(${serial}); owner(7); policy(9);`);
    return builder.build(pair.getPrivateKey()).toBase64();
  });
  const open = (token) => {
    Biscuit.fromBase64(token, root).free();
    return true;
  };
  return { tokens, open };
}
