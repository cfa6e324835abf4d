// A secret key in Node, string in and verdict out, beside what else a Node server would do.

import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createVerifier as createFastJwt } from 'fast-jwt';
import { SignJWT, jwtVerify } from 'jose';
import { createVerifier } from '../../wasm/js/entry/node.js';
import { DEMAND, bytes, decode, each, expect, hmacKey, inBase64, lanes } from './peers.mjs';
import { effort, rounds } from './rounds.mjs';

const fixtures = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { kid, tokens, ...held } = fixtures.secret;
const secret = bytes(held.key);
const verifier = createVerifier({
  root: fixtures.root,
  bundle: bytes(fixtures.bundle),
  secrets: [{ kid, secret }],
});
expect(tokens.every((token) => verifier.verify(token, DEMAND).ok));
expect(verifier.verify(fixtures.revoked, DEMAND).code === 'revoked');

const base64 = inBase64(fixtures.secret);
const front = bytes(held.front);
const key = createSecretKey(secret);
const hmac = (decoder) => (text) => {
  const token = decoder(text);
  const tag = createHmac('sha256', key).update(front).update(token.subarray(0, 28)).digest();
  return timingSafeEqual(tag.subarray(0, 16), token.subarray(28));
};
const sameToken = hmac(decode);
const inBase64Url = hmac((text) => Buffer.from(text, 'base64url'));
expect(tokens.every(sameToken) && base64.every(inBase64Url));

const subtleKey = await hmacKey(secret);
const jwts = await Promise.all(
  tokens.slice(0, 256).map((_, at) =>
    new SignJWT({ owner: 7, policy: 9, jti: `key-${at}` })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuedAt()
      .setExpirationTime('1d')
      .sign(subtleKey),
  ),
);
const fastJwt = createFastJwt({ key: Buffer.from(secret), algorithms: ['HS256'], cache: false });
const jose = (jwt) => jwtVerify(jwt, subtleKey, { algorithms: ['HS256'] });
expect((await jose(jwts[0])).payload.owner === 7 && fastJwt(jwts[0]).owner === 7);

// As the package does it, which can't do without.
const encoder = new TextEncoder();
const room = new Uint8Array(256);

const malformed = [`sk_live_${'z'.repeat(66)}`];
const samples = await rounds(
  {
    'npm verify': each(tokens, (token) => verifier.verify(token, DEMAND).ok),
    'npm verify, malformed': each(malformed, (token) => !verifier.verify(token, DEMAND).ok),
    'npm, text handed over': each(tokens, (token) => encoder.encodeInto(token, room).written > 0),
    'jose HS256, 64 in flight': lanes(64, jwts, jose),
    'jose HS256': lanes(1, jwts, jose),
    'fast-jwt HS256': each(jwts, fastJwt),
    'node:crypto HMAC, same token': each(tokens, sameToken),
    'node:crypto HMAC, base64url': each(base64, inBase64Url),
  },
  effort(),
);
console.log(JSON.stringify({ samples, facts: {} }));
