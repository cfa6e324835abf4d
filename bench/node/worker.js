// Runs a subject so many times inside one request: the clock stands still here, so the harness
// outside takes the time.

import { SignJWT, jwtVerify } from 'jose';
import fixtures from 'fixtures.json';
import { createVerifier } from '../../wasm/js/entry/workerd.js';
import {
  DEMAND, bytes, decode, each, ed25519Key, expect, hmacKey, inBase64, lanes, opener,
} from './peers.mjs';

const fromBase64 = (text) => Uint8Array.fromBase64(text, { alphabet: 'base64url' });
let subjects;

async function make() {
  const { secret, publishable } = fixtures;
  const verifier = createVerifier({
    root: fixtures.root,
    bundle: bytes(fixtures.bundle),
    secrets: [{ kid: secret.kid, secret: bytes(secret.key) }],
  });
  const key = await hmacKey(bytes(secret.key));
  const hmac = (decoder) => {
    const open = opener(bytes(secret.front), decoder);
    return async (text) => {
      const { message, proof } = open(text);
      const tag = await crypto.subtle.sign('HMAC', key, message);
      return crypto.subtle.timingSafeEqual(new Uint8Array(tag, 0, 16), proof);
    };
  };
  const publicKey = await ed25519Key(bytes(publishable.key));
  const openPublishable = opener(bytes(publishable.front), fromBase64);
  const ed25519 = (text) => {
    const { message, proof } = openPublishable(text);
    return crypto.subtle.verify('Ed25519', publicKey, proof, message);
  };
  const jwts = [];
  for (let at = 0; at < 256; at += 1) {
    const jwt = new SignJWT({ owner: 7, policy: 9, jti: `key-${at}` });
    jwts.push(
      await jwt.setProtectedHeader({ alg: 'HS256' }).setIssuedAt().setExpirationTime('1d').sign(key),
    );
  }
  const ours = (token) => verifier.verify(token, DEMAND).ok;
  const jose = (jwt) => jwtVerify(jwt, key, { algorithms: ['HS256'] });
  expect(secret.tokens.every(ours));
  return {
    'npm verify': each(secret.tokens, ours),
    'WebCrypto HMAC, same token': lanes(1, secret.tokens, hmac(decode)),
    'WebCrypto HMAC, base64url': lanes(1, inBase64(secret), hmac(fromBase64)),
    'jose HS256': lanes(1, jwts, jose),
    'jose HS256, 64 in flight': lanes(64, jwts, jose),
    'npm publishable, first sight': each(publishable.tokens, (token) => verifier.verify(token).ok),
    'WebCrypto Ed25519': lanes(1, inBase64(publishable), ed25519),
  };
}

export default {
  async fetch(request) {
    subjects ??= await make();
    const { searchParams } = new URL(request.url);
    if (!searchParams.has('subject')) return Response.json(Object.keys(subjects));
    await subjects[searchParams.get('subject')](Number(searchParams.get('times')));
    return new Response();
  },
};
