// Writes keyrings and assertions byte by byte, after docs/keyring.md and docs/assertion.md.

import { createPrivateKey, createPublicKey, sign } from 'node:crypto';

const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const ISSUER = Buffer.alloc(16, 1);
const FOR_EVER = 2n ** 64n - 1n;

// The key pair whose seed is 32 times the byte `seed`.
export function keyOf(seed) {
  const secret = createPrivateKey({ key: Buffer.concat([PKCS8, Buffer.alloc(32, seed)]), format: 'der', type: 'pkcs8' });
  const { x } = createPublicKey(secret).export({ format: 'jwk' });
  return { secret, text: x, bytes: Buffer.from(x, 'base64url') };
}

function number(size, value) {
  const hex = BigInt(value).toString(16).padStart(size * 2, '0');
  return Buffer.from(hex, 'hex');
}

function sealed(context, body, { secret }) {
  return Buffer.concat([body, sign(null, Buffer.concat([Buffer.from(`portc1/${context}`), body]), secret)]);
}

// A signer is `{ kid, seed }`, with `purpose` and `state` if it isn't an active signer of assertions.
export function keyringOf({ version = 1, notAfter, signers, root = keyOf(1) }) {
  const entries = signers.map(({ kid, seed, purpose = 5, state = 2 }) => {
    const words = [number(2, kid), Buffer.of(2, purpose, 0, 0, state), number(8, 0), number(8, FOR_EVER)];
    return Buffer.concat([...words, keyOf(seed).bytes]);
  });
  const fields = [Buffer.from('PCK\x01'), ISSUER, number(4, version), number(8, notAfter), number(4, 1), number(4, 86_400)];
  const rest = [Buffer.alloc(32), Buffer.of(1, 0), number(2, entries.length), ...entries];
  return new Uint8Array(sealed('ring', Buffer.concat([...fields, ...rest]), root));
}

export function assertionOf({ kid = 9, seed = 9, list = 42, at, life = 60, kind = 1, environment = 1, owner = 7, policy = 3,
  freshness = 1, audience = 'origin.example', scopes = '', salesChannels = '' }) {
  const issuedAt = Math.floor(at / 1000);
  const texts = [audience, scopes, salesChannels].flatMap((text) => [number(2, Buffer.byteLength(text)), Buffer.from(text)]);
  const body = Buffer.concat([
    Buffer.from('PCA\x01'), ISSUER, number(2, kid), number(8, list), number(4, issuedAt), number(4, issuedAt + life),
    Buffer.of(kind, environment), Buffer.alloc(16, 5), number(4, owner), number(4, policy), Buffer.of(freshness), ...texts,
  ]);
  return sealed('asrt', body, keyOf(seed)).toString('base64url');
}
