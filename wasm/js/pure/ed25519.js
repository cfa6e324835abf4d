// Strict Ed25519 (RFC 8032; docs/token.md). The library's own verification multiplies by the
// cofactor and would accept more signatures, so the equation is computed from its points here.

import { ed25519, sha512 } from '../../dist/noble.js';
import { concat } from './reader.js';

const { Point } = ed25519;
const ORDER = Point.Fn.ORDER;
const KEYS = new Map();
const KEYS_AT_MOST = 64;

// The point, if its encoding is canonical and it has no small order; `undefined` for any other
// bytes.
function strictPoint(bytes) {
  try {
    const point = Point.fromBytes(bytes);
    return point.isSmallOrder() ? undefined : point;
  } catch {
    return undefined;
  }
}

// The code of the reason why these 32 bytes are no public key, or `undefined`.
export function keyFault(bytes) {
  let point;
  try {
    point = Point.fromBytes(bytes);
  } catch {
    return 'root_not_canonical';
  }
  return point.isSmallOrder() ? 'root_small_order' : undefined;
}

// Whether everything but the equation is right: S is in range, and R is canonical without small
// order.
export function isStrict(signature) {
  return scalarOf(signature) !== undefined && strictPoint(signature.subarray(0, 32)) !== undefined;
}

export function verify(key, message, signature) {
  const s = scalarOf(signature);
  if (s === undefined) return false;
  const encodedR = signature.subarray(0, 32);
  const [a, r] = [publicKey(key), strictPoint(encodedR)];
  if (a === undefined || r === undefined) return false;
  const k = littleEndian(sha512(concat(encodedR, key, message))) % ORDER;
  return Point.BASE.multiplyUnsafe(s).equals(r.add(a.multiplyUnsafe(k)));
// [S]B = R + [k]A, without the cofactor.
}

export function signedBy(key, context, document) {
  const split = document.length - 64;
  return verify(key, concat(context, document.subarray(0, split)), document.subarray(split));
}

// A keyring's keys recur, so their decoded points are cached.
function publicKey(bytes) {
  const name = bytes.join();
  let point = KEYS.get(name);
  if (point === undefined) {
    point = strictPoint(bytes);
    if (KEYS.size >= KEYS_AT_MOST) KEYS.clear();
    KEYS.set(name, point);
  }
  return point;
}

// S of a signature of exactly 64 bytes: with another length the same number would have a second
// encoding.
function scalarOf(signature) {
  const s = signature.length === 64 ? littleEndian(signature.subarray(32)) : ORDER;
  return s < ORDER ? s : undefined;
}

function littleEndian(bytes) {
  let number = 0n;
  for (let at = bytes.length - 1; at >= 0; at -= 1) number = (number << 8n) | BigInt(bytes[at]);
  return number;
}
