// Decides which keyring to accept: the first must be signed by the pinned root, a newer one by that
// root or by the successor that the held keyring names (docs/keyring.md).

import { fromBase64Url } from '../shared/base64.js';
import { readKeyring } from './documents.js';
import { keyFault, signedBy } from './ed25519.js';
import { ascii, Reader, sameBytes } from './reader.js';
import { decode, check } from './refusal.js';

const ROOT = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;
const RING = ascii('portc1/ring');

export function readRoot(text) {
  check(ROOT.test(text), 'root_unreadable');
  const root = fromBase64Url(text);
  const why = keyFault(root);
  check(why === undefined, why);
  return root;
}

// Returns the new keyring and the root that signed it, or `undefined` if the document is the
// keyring that is held. `root` is the root that signed `held`; the pinned root if none is held.
export function takeKeyring(held, root, document) {
  if (held === undefined) return openKeyring(document, [root]);
  if (sameBytes(document, held.document)) return undefined;
  const roots = held.successor === undefined ? [root] : [root, held.successor];
  const opened = openKeyring(document, roots);
  const offered = opened.keyring;
  check(sameBytes(offered.issuer, held.issuer), 'keyring_foreign_issuer');
  check(offered.version >= held.version, 'keyring_rollback', offered.version, held.version);
  check(offered.version > held.version && offered.epoch >= held.epoch, 'keyring_equivocation');
  return opened;
}

function openKeyring(document, roots) {
  decode('keyring_unreadable', 'keyring', () => {
    const reader = new Reader(document);
    reader.magic('K', 'keyring');
    reader.take(64);
  });
  const root = roots.find((candidate) => signedBy(candidate, RING, document));
  check(root !== undefined, 'keyring_not_signed_by_root');
  return { keyring: decode('keyring_unreadable', 'keyring', () => readKeyring(document)), root };
}
