// Parses an assertion (docs/assertion.md): base64url, fields, texts. Parsing verifies no signature.

import { fromBase64Url } from '../shared/base64.js';
import { ascii, concat, checkField, notCanonical, Reader, truncated, Unreadable } from './reader.js';

const LONGEST = 32 << 10;
const CONTEXT = ascii('portc1/asrt');
// Canonical base64url only: no padding, and no set bits after the last byte.
const BASE64URL = /^(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-][AQgw]|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048])?$/;
const FRESHNESS_NAMES = ['', 'fresh', 'stale'];
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

// Returns the fields, the signed message and the signature, or `{ code }`. Every result has the
// field `code`.
export function readAssertion(text) {
  if (text.length > LONGEST || !BASE64URL.test(text)) return { code: 'assertion_malformed' };
  try {
    return readFields(fromBase64Url(text));
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return { code: 'assertion_unreadable' };
  }
}

function readFields(file) {
  const split = file.length - 64;
  if (split < 0) throw truncated();
  const body = file.subarray(0, split);
  const reader = new Reader(body);
  reader.magic('A', 'assertion');
  const assertion = {
    code: undefined,
    issuer: reader.take(16),
    kid: reader.u16(),
    list: reader.u64(),
    issuedAt: reader.u32(),
    expiresAt: reader.u32(),
    kind: oneOf(2, reader.u8(), 'kind'),
    environment: oneOf(2, reader.u8(), 'environment'),
    name: reader.take(16),
    owner: reader.u32(),
    policy: reader.u32(),
    freshness: FRESHNESS_NAMES[oneOf(2, reader.u8(), 'freshness')],
    audience: utf8(reader),
    scopes: utf8(reader),
    salesChannels: utf8(reader),
    message: concat(CONTEXT, body),
    signature: file.subarray(split),
  };
  reader.end();
  return assertion;
}

function oneOf(count, code, field) {
  checkField(code >= 1 && code <= count, field);
  return code;
}

function utf8(reader) {
  const bytes = reader.take(reader.u16());
  try {
    return UTF8.decode(bytes);
  } catch {
    throw notCanonical('texts');
  }
}
