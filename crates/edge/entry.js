// The Worker's entry: the gate, and the list that was deployed with it.
//
// `bundle.bin` is empty, or what the issuer serves as its bundle: so that an isolate that
// starts has keyring, floor and bodies, and needs one stamp.

import bundle from './bundle.bin';
import gate from './build/index.js';

globalThis.PORTCULLIS_BUNDLE = bundle;

export default gate;
