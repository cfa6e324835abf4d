// Wraps the wasm module's exports, which take and return only numbers. A key's text is written to a
// fixed buffer in the module's memory, results are read from another one, and files are written to
// a buffer that the module grows on demand. wasm/src/shared_memory.rs defines the layout, which is
// generated into abi.js; wasm/npm-module/src/lib.rs defines the exports.

import { fromBase64Url } from '../shared/base64.js';
import { PortcullisError } from '../shared/errors.js';
import { exports } from './instance.js';
import { asJson } from '../engine/key.js';
import { sentence } from '../engine/sentence.js';
import * as abi from '../generated/abi.js';
import { REASONS } from '../generated/reasons.js';

// The inputs of a native verification: key, message and signature, one after the other.
const MESSAGE_AT = abi.SIGNATURE_KEY_BYTES;
const SIGNATURE_AT = MESSAGE_AT + abi.SIGNATURE_MESSAGE_BYTES;
const SIGNATURE_END = SIGNATURE_AT + abi.SIGNATURE_BYTES;
// Scratch space that holds the facts of a usual request.
const FACTS = new Uint8Array(4096);
const ENCODER = new TextEncoder();
// 43 characters encode 258 bits; the last two must be 0.
const ROOT = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;
const ROOT_UNREADABLE = REASONS.find(([code]) => code === 'root_unreadable');
const [POLICY_UNAVAILABLE, ASSIGNMENT_UNAVAILABLE] = ['policy_unavailable', 'assignment_unavailable'].map(
  (unavailable) => REASONS.findIndex(([code]) => code === unavailable),
);
// Frees a verifier's memory in the module once it is garbage collected. Without
// FinalizationRegistry it is never freed.
const FINALIZERS = globalThis.FinalizationRegistry && new FinalizationRegistry((session) => exports.close(session));

// The class of one verifier's keys. One class per verifier means that no key needs a private field.
// `name` is a digest, which costs as much as half a verification, so it is computed only on access.
const keysOf = (engine) =>
  class Key {
    constructor(words, numbers) {
      this.issuer = engine.issuer();
      this.kind = abi.KINDS[words[abi.KIND]];
      this.environment = abi.ENVIRONMENTS[words[abi.ENVIRONMENT]];
      this.algorithm = abi.ALGORITHMS[words[abi.ALGORITHM]];
      this.kid = words[abi.KID];
      this.serial = numbers[abi.SERIAL];
      this.issuedAt = numbers[abi.ISSUED_AT];
      this.expiresAt = numbers[abi.EXPIRES_AT] || null;
      this.owner = words[abi.OWNER] || null;
      this.policy = words[abi.POLICY] || null;
    }

    get name() {
      return engine.nameOf(this.serial);
    }

    toJSON() {
      return asJson(this);
    }
  };

// One verifier in the module.
export class WasmEngine {
  #session;
  #numbers;
  #words;
  #text;
  #issuer;
  #Key = keysOf(this);

  constructor(root) {
    if (!ROOT.test(root)) throw new PortcullisError(...ROOT_UNREADABLE);
    const words = new BigUint64Array(fromBase64Url(root).buffer);
    this.#session = exports.open(...words);
    if (this.#session === 0) throw new PortcullisError(...REASONS[exports.root_error(...words)]);
    FINALIZERS?.register(this, this.#session);
    this.#makeViews();
  }

  // `facts` is what readFacts returns, or `undefined`. If the policy is not held, `missed` is set
  // to the arguments for wantsPolicy; if the assignment isn't, to those for wantsAssignment and true.
  verify(token, kind, environment, now, freshFor, facts) {
    if (this.#text.length === 0) this.#makeViews();
    const count = facts === undefined ? 0 : this.#writeFacts(facts);
    const length = this.#writeToken(token);
    const reason = exports.verify(this.#session, length, kind, environment, now, freshFor, count);
    if (this.#text.length === 0) this.#makeViews();
    const list = this.#list();
    if (reason === 0) {
      const key = new this.#Key(this.#words, this.#numbers);
      return count === 0 ? { ok: true, key, list } : { ok: true, key, list, grant: this.#grant() };
    }
    if (reason === ASSIGNMENT_UNAVAILABLE) this.missed = [this.#words[abi.KIND], this.#numbers[abi.SERIAL], true];
    if (reason === POLICY_UNAVAILABLE) this.missed = [this.#words[abi.KIND], this.#words[abi.POLICY]];
    const [code, text] = REASONS[reason];
    return { ok: false, code, message: sentence(text, () => this.#values()), list };
  }

  // What a native verification of this token's signature needs; `undefined` if a native
  // verification is not possible or not needed.
  signature(token) {
    if (this.#text.length === 0) this.#makeViews();
    this.#check(exports.signature(this.#session, this.#writeToken(token)));
    const bytes = new Uint8Array(this.#reply().buffer);
    if (bytes.length !== SIGNATURE_END) return undefined;
    return { bytes, key: bytes.subarray(0, MESSAGE_AT), message: bytes.subarray(MESSAGE_AT, SIGNATURE_AT), signature: bytes.subarray(SIGNATURE_AT) };
  }

  // Caches a signature. Call it only after the signature was found good.
  remember({ bytes }) {
    this.#writeInput([bytes]);
    exports.remember(this.#session);
  }

  status(now, freshFor) {
    const held = exports.status(this.#session, now, freshFor);
    this.#makeViews();
    const keyring = held ? { version: this.#words[abi.KEYRING_VERSION], notAfter: this.#numbers[abi.NOT_AFTER] } : null;
    const list = this.#list();
    this.#check(exports.waiting_secrets(this.#session));
    const waiting = this.#reply();
    const kids = Array.from({ length: waiting.byteLength / 2 }, (_, at) => waiting.getUint16(at * 2, true));
    return { issuer: held ? this.issuer() : null, keyring, list, waitingSecrets: kids };
  }

  holdSecret(kid, secret) {
    this.#writeInput([secret]);
    this.#check(exports.hold_secret(this.#session, kid));
  }

  offerKeyring(document) {
    this.#writeInput([document]);
    this.#check(exports.offer_keyring(this.#session));
    return this.#words[abi.IS_NEW] === 1;
  }

  adoptBundle(bundle, now) {
    this.#writeInput([bundle]);
    this.#check(exports.adopt_bundle(this.#session, now));
    return this.#words[abi.IS_NEW] === 1;
  }

  // Returns the files that are still needed: the head if there are no `parts`, then bodies, then
  // policies that replace those in use, then none.
  offerList(stamp, parts, now, withoutPolicies) {
    this.#writeFiles([stamp, ...parts]);
    this.#check(exports.offer_list(this.#session, parts.length + 1, now, withoutPolicies));
    return this.#wanted();
  }

  offerPolicy({ name }, file) {
    this.#writeInput([name, file]);
    this.#check(exports.offer_policy(this.#session));
  }

  wantsPolicy(kind, number) {
    this.#check(exports.wants_policy(this.#session, kind, number));
    return this.#wanted()[0];
  }

  wantsAssignment(kind, serial) {
    this.#check(exports.wants_assignment(this.#session, kind, serial));
    return this.#wanted()[0];
  }

  // Cached, because the issuer never changes: a keyring of another issuer is refused.
  issuer() {
    this.#issuer ??= this.#readText(exports.issuer(this.#session));
    return this.#issuer;
  }

  nameOf(serial) {
    return this.#readText(exports.key_name(this.#session, serial));
  }

  // Writes the token into the module's memory. Returns its length in bytes, or a length that is too
  // long if it doesn't fit.
  #writeToken(token) {
    const capacity = this.#text.length;
    // Don't encode a huge string; and don't accept one that was encoded only in part.
    if (token.length > capacity) return capacity + 1;
    const { read, written } = ENCODER.encodeInto(token, this.#text);
    return read === token.length ? written : capacity + 1;
  }

  #readText(length) {
    if (this.#text.length === 0) this.#makeViews();
    return String.fromCharCode(...this.#text.subarray(0, length));
  }

  // Writes the concatenated files to the buffer that the next call reads.
  #writeInput(files) {
    let at = exports.alloc(this.#session, files.reduce((sum, file) => sum + file.length, 0)) >>> 0;
    for (const file of files) {
      new Uint8Array(exports.memory.buffer, at, file.length).set(file);
      at += file.length;
    }
  }

  // Writes the files after a table of their lengths.
  #writeFiles(files) {
    const lengths = Uint32Array.from(files, (file) => file.length);
    this.#writeInput([new Uint8Array(lengths.buffer), ...files]);
  }

  // Writes what Facts in wasm/src/facts.rs reads. All texts are encoded into one buffer and copied
  // at once: a buffer per text takes longer than everything else here.
  #writeFacts({ address, origin, method, path, salesChannel, scopes }) {
    const known = (text) => (text === undefined ? '' : `!${text}`);
    const texts = [known(origin), method, path, known(salesChannel), ...scopes];
    const count = texts.length + 1;
    let longest = 4 * count + 16;
    for (const text of texts) longest += 3 * text.length;
    const files = longest <= FACTS.length ? FACTS : new Uint8Array(longest);
    const lengths = new DataView(files.buffer);
    let at = 4 * count;
    if (address !== undefined) files.set(address, at);
    lengths.setUint32(0, address?.length ?? 0, true);
    at += address?.length ?? 0;
    for (let index = 1; index < count; index += 1) {
      const { written } = ENCODER.encodeInto(texts[index - 1], files.subarray(at));
      lengths.setUint32(4 * index, written, true);
      at += written;
    }
    this.#writeInput([files.subarray(0, at)]);
    return count;
  }

  // Makes new views. When the memory grows it gets a new buffer, and views of the old one have
  // length 0.
  #makeViews() {
    const { buffer } = exports.memory;
    const memory = exports.shared_memory(this.#session) >>> 0;
    this.#numbers = new Float64Array(buffer, memory + abi.NUMBERS_AT, abi.NUMBERS);
    this.#words = new Uint32Array(buffer, memory + abi.WORDS_AT, abi.WORDS);
    this.#text = new Uint8Array(buffer, memory + abi.TEXT_AT, abi.TEXT_BYTES);
  }

  #list() {
    const freshness = this.#words[abi.FRESHNESS];
    if (freshness === 0) {
      return { freshness: 'unknown', epoch: null, number: null, ageMs: null, thisUpdate: null, nextUpdate: null };
    }
    const numbers = this.#numbers;
    return {
      freshness: abi.FRESHNESS_NAMES[freshness],
      epoch: this.#words[abi.EPOCH],
      number: numbers[abi.LIST_NUMBER],
      ageMs: numbers[abi.LIST_AGE],
      thisUpdate: numbers[abi.THIS_UPDATE],
      nextUpdate: numbers[abi.NEXT_UPDATE],
    };
  }

  #check(reason) {
    this.#makeViews();
    if (reason === 0) return;
    const [code, text] = REASONS[reason];
    throw new PortcullisError(code, sentence(text, () => this.#values()));
  }

  // The values for a reason's sentence.
  #values() {
    const text = (at) => String.fromCharCode(...this.#bytes(at));
    return [this.#numbers[abi.REASON_FIRST], this.#numbers[abi.REASON_SECOND], text(abi.REASON_TEXT), text(abi.REASON_OTHER_TEXT)];
  }

  #reply() {
    return new DataView(this.#bytes(abi.REPLY).slice().buffer);
  }

  #wanted() {
    const reply = this.#reply();
    return Array.from({ length: reply.byteLength / abi.WANTED_BYTES }, (_, at) => {
      const start = at * abi.WANTED_BYTES;
      const name = new Uint8Array(reply.buffer, start + 1, abi.WANTED_BYTES - 1);
      const digest = Array.from(name.subarray(0, abi.DIGEST_BYTES), (byte) => byte.toString(16).padStart(2, '0'));
      const folder = abi.FOLDERS[reply.getUint8(start)];
      return { folder, digest: digest.join(''), len: reply.getUint32(start + 1 + abi.DIGEST_BYTES, true), name };
    });
  }

  // Three lists of texts. Each text follows its length; a length of 0 ends a list.
  #grant() {
    const bytes = this.#bytes(abi.REPLY);
    let at = 0;
    const texts = () => {
      const found = [];
      for (;;) {
        const length = bytes[at];
        at += 1;
        if (!(length > 0)) return found;
        found.push(String.fromCharCode(...bytes.subarray(at, at + length)));
        at += length;
      }
    };
    const [salesChannels, scopes, [rateClass = null]] = [texts(), texts(), texts()];
    return { scopes, salesChannels, rateClass };
  }

  #bytes(at) {
    return new Uint8Array(exports.memory.buffer, this.#words[at], this.#words[at + 1]);
  }
}
