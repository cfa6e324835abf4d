// The shared vectors of tests/vectors: the same verdicts as the Rust core's, code for code.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import { createVerifier } from 'portcullis';

const folder = new URL('../../tests/vectors/', import.meta.url);
const bytes = (text) => new Uint8Array(Buffer.from(text, 'base64url'));

for (const file of readdirSync(folder)) {
  const vector = JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
  test(`${vector.name}: ${vector.about}`, () => {
    const verifier = createVerifier({
      root: vector.root,
      keyring: bytes(vector.keyring),
      secrets: vector.secrets,
    });
    for (const { bundle, at_ms: now, refused } of vector.adopt) {
      let code = null;
      try {
        verifier.adopt(bytes(bundle), { now });
      } catch (error) {
        code = error.code;
      }
      assert.equal(code, refused);
    }
    const verdict = verifier.verify(vector.token, {
      now: vector.now_ms,
      kind: vector.kind ?? undefined,
      environment: vector.environment ?? undefined,
    });
    if (vector.expect.verdict === 'refused') {
      assert.deepEqual([verdict.ok, verdict.code], [false, vector.expect.code]);
      return;
    }
    const { key } = vector.expect;
    assert.equal(verdict.ok, true, verdict.code);
    assert.deepEqual(verdict.key, {
      name: key.name,
      issuer: key.issuer,
      kind: key.kind,
      environment: key.environment,
      algorithm: key.algorithm,
      kid: key.kid,
      serial: key.serial,
      issuedAt: key.issued_at * 1000,
      expiresAt: key.expires_at === null ? null : key.expires_at * 1000,
      owner: key.owner || null,
      policy: key.policy || null,
    });
  });
}
