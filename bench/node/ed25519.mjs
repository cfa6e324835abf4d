// A publishable key in Node beside WebCrypto's Ed25519 and a Biscuit.

import { createPublicKey, verify as verifySignature } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createVerifier } from '../../wasm/js/entry/node.js';
import { load, make } from './biscuit.mjs';
import { bytes, each, ed25519Key, expect, inBase64, lanes, opener } from './peers.mjs';
import { effort, rounds } from './rounds.mjs';

const fixtures = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { tokens, ...held } = fixtures.publishable;
const secret = { kid: fixtures.secret.kid, secret: bytes(fixtures.secret.key) };
const verifier = createVerifier({
  root: fixtures.root,
  bundle: bytes(fixtures.bundle),
  secrets: [secret],
});
const ours = (token) => verifier.verify(token).ok;
expect(tokens.every(ours) && fixtures.secret.tokens.every(ours));

const same = inBase64(fixtures.publishable);
const open = opener(bytes(held.front), (text) => Buffer.from(text, 'base64url'));
const subtleKey = await ed25519Key(bytes(held.key));
const webCrypto = (text) => {
  const { message, proof } = open(text);
  return crypto.subtle.verify('Ed25519', subtleKey, proof, message);
};
const x = Buffer.from(bytes(held.key)).toString('base64url');
const nodeKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
const nodeCrypto = (text) => {
  const { message, proof } = open(text);
  return verifySignature(null, message, nodeKey, proof);
};
expect((await webCrypto(same[0])) && nodeCrypto(same[0]));

const biscuits = make(await load(), 64);
const subjects = {
  'npm publishable, first sight': each(tokens, ours),
  'npm publishable, seen before': each(tokens.slice(0, 16), ours),
  'npm secret': each(fixtures.secret.tokens, ours),
  'WebCrypto Ed25519': lanes(1, same, webCrypto),
  'WebCrypto Ed25519, 64 in flight': lanes(64, same, webCrypto),
  'node:crypto Ed25519': each(same, nodeCrypto),
  'biscuit-wasm fromBase64': each(biscuits.tokens, biscuits.open),
};
console.log(JSON.stringify({ samples: await rounds(subjects, effort()), facts: {} }));
