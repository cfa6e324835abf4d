// Verifies one key with the npm package against an issuer's live list:
// node verify.mjs ISSUER_URL ROOT TOKEN prints `accepted`, or the code of the refusal.

import { createVerifier, httpSource } from 'portcullis';

const [url, root, token] = process.argv.slice(2);
const verifier = createVerifier({ root, source: httpSource(url) });
await verifier.refresh();
const verdict = verifier.verify(token);
console.log(verdict.ok ? 'accepted' : verdict.code);
