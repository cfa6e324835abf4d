// The wasm module as objects: the one caller of its exports, which take and give only numbers and
// bytes. A key's text goes into a fixed place in the module's memory, facts come back from another.
// What stands where is said in wasm/src/board.rs.

import { RawVerifier, initSync } from '../dist/portcullis.js';
import { PortcullisError } from './errors.js';
import { REASONS, sentence } from './reasons.js';

export const KINDS = ['', 'secret', 'publishable'];
export const ENVIRONMENTS = ['', 'live', 'test'];
const ALGORITHMS = ['', 'hmac-sha256-128', 'ed25519'];
const STANDINGS = ['', 'fresh', 'stale', 'unknown'];
const NAME_BYTES = 36;
const ENCODER = new TextEncoder();

// What an accepted key says. Its name is a digest, which costs as much as half a verification: it
// is made when somebody asks for it.
class Key {
  #module;

  constructor(module, words, numbers) {
    this.#module = module;
    this.issuer = module.issuer();
    this.kind = KINDS[words[0]];
    this.environment = ENVIRONMENTS[words[1]];
    this.algorithm = ALGORITHMS[words[2]];
    this.kid = words[3];
    this.serial = numbers[0];
    this.issuedAt = numbers[1];
    this.expiresAt = numbers[2] || null;
    this.owner = words[4] || null;
    this.policy = words[5] || null;
  }

  get name() {
    return this.#module.nameOf(this.serial);
  }

  toJSON() {
    return { name: this.name, ...this };
  }
}

// One verifier in the module.
export class Module {
  #raw;
  #memory;
  #numbers;
  #words;
  #text;
  #issuer;

  constructor(root) {
    this.#memory = initSync().memory;
    const bytes = ENCODER.encode(root);
    this.#raw = RawVerifier.open(bytes);
    if (this.#raw === undefined) throw new PortcullisError(...REASONS[RawVerifier.why(bytes)]);
    this.#look();
  }

  verify(token, kind, environment, now, freshFor) {
    if (this.#text.length === 0) this.#look();
    const reason = this.#raw.verify(this.#write(token), kind, environment, now, freshFor);
    if (this.#text.length === 0) this.#look();
    const list = this.#list();
    if (reason === 0) return { ok: true, key: new Key(this, this.#words, this.#numbers), list };
    const [code, text] = REASONS[reason];
    return { ok: false, code, message: sentence(text, () => this.#values()), list };
  }

  status(now, freshFor) {
    const held = this.#raw.status(now, freshFor);
    this.#look();
    const keyring = held ? { version: this.#words[0], notAfter: this.#numbers[0] } : null;
    const list = this.#list();
    this.#check(this.#raw.waiting());
    const waiting = this.#reply();
    const kids = Array.from({ length: waiting.byteLength / 2 }, (_, at) => waiting.getUint16(at * 2, true));
    return { issuer: held ? this.issuer() : null, keyring, list, waitingSecrets: kids };
  }

  holdSecret(kid, secret) {
    this.#check(this.#raw.holdSecret(kid, secret));
  }

  offerKeyring(document) {
    this.#check(this.#raw.offerKeyring(document));
    return this.#words[0] === 1;
  }

  adoptBundle(bundle, now) {
    this.#check(this.#raw.adoptBundle(bundle, now));
    return this.#words[0] === 1;
  }

  // What is to be fetched still, as `{ digest, len }`: the head while there are no `parts`, then
  // bodies, then nothing.
  offerList(stamp, parts, now) {
    const lengths = new DataView(new ArrayBuffer(parts.length * 4));
    parts.forEach((part, at) => lengths.setUint32(at * 4, part.length, true));
    this.#check(this.#raw.offerList(stamp, joined(parts), new Uint8Array(lengths.buffer), now));
    const wanted = this.#reply();
    return Array.from({ length: wanted.byteLength / NAME_BYTES }, (_, at) => {
      const digest = new Uint8Array(wanted.buffer, wanted.byteOffset + at * NAME_BYTES, 32);
      return {
        digest: Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join(''),
        len: wanted.getUint32(at * NAME_BYTES + 32, true),
      };
    });
  }

  // Never another one: a keyring of another issuer is refused.
  issuer() {
    this.#issuer ??= this.#read(this.#raw.issuer());
    return this.#issuer;
  }

  nameOf(serial) {
    return this.#read(this.#raw.name(serial));
  }

  // Gives the text's length in the module's memory, or one that is too long for it.
  #write(token) {
    const room = this.#text.length;
    // A huge string is not looked at; and one of which a part is left over is no shorter string.
    if (token.length > room) return room + 1;
    const { read, written } = ENCODER.encodeInto(token, this.#text);
    return read === token.length ? written : room + 1;
  }

  #read(length) {
    if (this.#text.length === 0) this.#look();
    return String.fromCharCode(...this.#text.subarray(0, length));
  }

  // A memory that grew has another buffer, and views of the one before have no length.
  #look() {
    const { buffer } = this.#memory;
    this.#numbers = new Float64Array(buffer, this.#raw.numbers(), 8);
    this.#words = new Uint32Array(buffer, this.#raw.words(), 10);
    this.#text = new Uint8Array(buffer, this.#raw.text(), 256);
  }

  #list() {
    const standing = this.#words[8];
    if (standing === 0) {
      return { standing: 'unknown', epoch: null, number: null, ageMs: null, thisUpdate: null, nextUpdate: null };
    }
    const numbers = this.#numbers;
    return {
      standing: STANDINGS[standing],
      epoch: this.#words[9],
      number: numbers[4],
      ageMs: numbers[5],
      thisUpdate: numbers[6],
      nextUpdate: numbers[7],
    };
  }

  #check(reason) {
    this.#look();
    if (reason === 0) return;
    const [code, text] = REASONS[reason];
    throw new PortcullisError(code, sentence(text, () => this.#values()));
  }

  // What a reason's sentence is filled with.
  #values() {
    const text = (at) => String.fromCharCode(...this.#bytes(at));
    return [this.#numbers[0], this.#numbers[1], text(0), text(2)];
  }

  #reply() {
    const bytes = this.#bytes(0);
    return new DataView(bytes.slice().buffer);
  }

  #bytes(at) {
    return new Uint8Array(this.#memory.buffer, this.#words[at], this.#words[at + 1]);
  }
}

function joined(parts) {
  if (parts.length === 1) return parts[0];
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
