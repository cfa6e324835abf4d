// The wasm module as objects: the one caller of its exports, which take and give only numbers. A
// key's text goes into a fixed place in the module's memory, facts come back from another, and a
// file is written where there is room made for it. What stands where is said in wasm/src/board.rs,
// what the exports do in wasm/module/src/lib.rs.

import { fromBase64Url } from './base64.js';
import { PortcullisError } from './errors.js';
import { exports } from './instance.js';
import { REASONS, sentence } from './reasons.js';

export const KINDS = ['', 'secret', 'publishable'];
export const ENVIRONMENTS = ['', 'live', 'test'];
const ALGORITHMS = ['', 'hmac-sha256-128', 'ed25519'];
const STANDINGS = ['', 'fresh', 'stale', 'unknown'];
const NAME_BYTES = 36;
// Where a board has its numbers, its words and its text.
const NUMBERS = 0;
const WORDS = 64;
const TEXT = 104;
const ENCODER = new TextEncoder();
// 43 characters spell 258 bits, and the last two are none of the key's.
const ROOT = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;
const ROOT_UNREADABLE = REASONS.find(([code]) => code === 'root_unreadable');
// Without it what is let go stays in the module's memory.
const LET_GO = globalThis.FinalizationRegistry && new FinalizationRegistry((desk) => exports.close(desk));

// What an accepted key says, of one verifier's keys: a class to each costs a key no private field. Its
// name is a digest, which costs as much as half a verification: it is made when somebody asks for it.
const keysOf = (module) =>
  class Key {
    constructor(words, numbers) {
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
      return module.nameOf(this.serial);
    }

    toJSON() {
      return { name: this.name, ...this };
    }
  };

// One verifier in the module.
export class Module {
  #desk;
  #numbers;
  #words;
  #text;
  #issuer;
  #Key = keysOf(this);

  constructor(root) {
    if (!ROOT.test(root)) throw new PortcullisError(...ROOT_UNREADABLE);
    const words = new BigUint64Array(fromBase64Url(root).buffer);
    this.#desk = exports.open(...words);
    if (this.#desk === 0) throw new PortcullisError(...REASONS[exports.why(...words)]);
    LET_GO?.register(this, this.#desk);
    this.#look();
  }

  verify(token, kind, environment, now, freshFor) {
    if (this.#text.length === 0) this.#look();
    const reason = exports.verify(this.#desk, this.#write(token), kind, environment, now, freshFor);
    if (this.#text.length === 0) this.#look();
    const list = this.#list();
    if (reason === 0) return { ok: true, key: new this.#Key(this.#words, this.#numbers), list };
    const [code, text] = REASONS[reason];
    return { ok: false, code, message: sentence(text, () => this.#values()), list };
  }

  status(now, freshFor) {
    const held = exports.status(this.#desk, now, freshFor);
    this.#look();
    const keyring = held ? { version: this.#words[0], notAfter: this.#numbers[0] } : null;
    const list = this.#list();
    this.#check(exports.waiting(this.#desk));
    const waiting = this.#reply();
    const kids = Array.from({ length: waiting.byteLength / 2 }, (_, at) => waiting.getUint16(at * 2, true));
    return { issuer: held ? this.issuer() : null, keyring, list, waitingSecrets: kids };
  }

  holdSecret(kid, secret) {
    this.#give([secret]);
    this.#check(exports.hold_secret(this.#desk, kid));
  }

  offerKeyring(document) {
    this.#give([document]);
    this.#check(exports.offer_keyring(this.#desk));
    return this.#words[0] === 1;
  }

  adoptBundle(bundle, now) {
    this.#give([bundle]);
    this.#check(exports.adopt_bundle(this.#desk, now));
    return this.#words[0] === 1;
  }

  // What is to be fetched still, as `{ digest, len }`: the head while there are no `parts`, then
  // bodies, then nothing.
  offerList(stamp, parts, now) {
    const files = [stamp, ...parts];
    const lengths = Uint32Array.from(files, (file) => file.length);
    this.#give([new Uint8Array(lengths.buffer), ...files]);
    this.#check(exports.offer_list(this.#desk, files.length, now));
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
    this.#issuer ??= this.#read(exports.issuer(this.#desk));
    return this.#issuer;
  }

  nameOf(serial) {
    return this.#read(exports.name(this.#desk, serial));
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

  // Writes `files` one behind the other to where the next call reads them.
  #give(files) {
    let at = exports.room(this.#desk, files.reduce((sum, file) => sum + file.length, 0)) >>> 0;
    for (const file of files) {
      new Uint8Array(exports.memory.buffer, at, file.length).set(file);
      at += file.length;
    }
  }

  // A memory that grew has another buffer, and views of the one before have no length.
  #look() {
    const { buffer } = exports.memory;
    const board = exports.board(this.#desk) >>> 0;
    this.#numbers = new Float64Array(buffer, board + NUMBERS, 8);
    this.#words = new Uint32Array(buffer, board + WORDS, 10);
    this.#text = new Uint8Array(buffer, board + TEXT, 256);
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
    return new Uint8Array(exports.memory.buffer, this.#words[at], this.#words[at + 1]);
  }
}
