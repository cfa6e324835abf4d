// The package with its module inside: for whatever loads JavaScript, with any bundler or none, and
// without a request of its own.

import { MODULE } from '../dist/inline.js';
import { PortcullisError } from './errors.js';
import { exports, start } from './instance.js';
import { platform } from './platform.js';
import { createVerifier as create } from './wasm.js';

export { covers, httpSource, PortcullisError } from './core.js';

// A stamp out of a browser's cache would be old; asked for so, an unchanged one costs a 304.
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

// Hexadecimal and compressed it is a twentieth larger than compressed bytes; base64 hides what a
// compressor looks for, and makes it a third.
function fromHex(text) {
  if (Uint8Array.fromHex !== undefined) return Uint8Array.fromHex(text);
  if (globalThis.Buffer !== undefined) return globalThis.Buffer.from(text, 'hex');
  const bytes = new Uint8Array(text.length / 2);
  const digit = (at) => {
    const code = text.charCodeAt(at);
    return code < 0x40 ? code - 0x30 : code - 0x57;
  };
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = (digit(2 * at) << 4) | digit(2 * at + 1);
  return bytes;
}
