// What both the harness in Node and the worker in workerd compare with.

export const bytes = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
export const DEMAND = { kind: 'secret', environment: 'live' };

export function expect(right) {
  if (!right) throw new Error('a verdict is not the one that was expected');
}

// Runs `once` on the items in turn, so many times; what it gives must be true.
export function each(items, once) {
  let at = 0;
  return (times) => {
    for (let i = 0; i < times; i += 1) {
      at = at + 1 < items.length ? at + 1 : 0;
      expect(once(items[at]));
    }
  };
}

// The same for what answers later, `width` of them in flight.
export function lanes(width, items, once) {
  return async (times) => {
    let started = 0;
    const lane = async () => {
      while (started < times) {
        started += 1;
        expect(await once(items[started % items.length]));
      }
    };
    await Promise.all(Array.from({ length: width }, lane));
  };
}

// A key's 28 bytes and proof in base64url: the same token in the one spelling that a runtime decodes
// natively.
export const inBase64 = ({ proved }) =>
  proved.map((hex) => {
    const text = btoa(String.fromCharCode(...bytes(hex)));
    return text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
  });

// The bytes of a key's own text, without their mask: base62 in chunks of 11 characters to 8 bytes, in
// numbers that a double holds exactly. The checksum is left alone.
export function decode(text) {
  const from = text.lastIndexOf('_') + 1;
  const count = (text.length - from) / 11;
  const view = new DataView(new ArrayBuffer(count * 8));
  for (let chunk = 0; chunk < count; chunk += 1) {
    const at = from + chunk * 11;
    let high = 0;
    let low = 0;
    for (let i = 0; i < 5; i += 1) high = high * 62 + VALUES[text.charCodeAt(at + i)];
    for (let i = 5; i < 11; i += 1) low = low * 62 + VALUES[text.charCodeAt(at + i)];
    // 62^6 is 13 * 2^32 + 965,660,736, and that product is taken in two parts of 15 bits.
    const upper = (high >>> 15) * 965_660_736;
    const lower = (high & 0x7fff) * 965_660_736 + low + (upper % 0x20000) * 0x8000;
    view.setUint32(chunk * 8, high * 13 + Math.floor(upper / 0x20000) + Math.floor(lower / 2 ** 32));
    view.setUint32(chunk * 8 + 4, lower % 2 ** 32);
  }
  unmask(view);
  return new Uint8Array(view.buffer, 0, count * 8 - 4);
}

// docs/token.md has the mask.
function unmask(view) {
  let state = view.getUint32(40);
  for (let at = 0; at < 28; at += 4) {
    state = (state + 0x9e3779b9) | 0;
    let word = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
    view.setUint32(at, view.getUint32(at) ^ word ^ (word >>> 16));
  }
}

const VALUES = new Uint8Array(256);
'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'.split('').forEach((digit, value) => {
  VALUES[digit.charCodeAt(0)] = value;
});

// Message and proof of such a token.
export function opener(front, decoder) {
  return (text) => {
    const token = decoder(text);
    const message = new Uint8Array(front.length + 28);
    message.set(front);
    message.set(token.subarray(0, 28), front.length);
    return { message, proof: token.subarray(28) };
  };
}

export const hmacKey = (raw) =>
  crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']);
export const ed25519Key = (raw) =>
  crypto.subtle.importKey('raw', raw, 'Ed25519', false, ['verify']);
