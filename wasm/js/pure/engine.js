// The wasm module's engine in JavaScript: the same calls and the same verdicts, code for code.

import { sha256 } from '../../dist/noble.js';
import { assigned } from './assignments.js';
import { asJson } from '../engine/key.js';
import { ALGORITHMS, ENVIRONMENTS, KINDS } from '../generated/abi.js';
import {
  appliesTo, countsAt, ED25519, HMAC, LIST, readBundle, readHead, readStamp, REVOKED, TOKEN,
} from './documents.js';
import { isStrict, signedBy, verify as verifySignature } from './ed25519.js';
import { hmacSha256, isTag, TAG_BYTES } from './hmac.js';
import { readRoot, takeKeyring } from './keyring.js';
import { Policies } from './policies.js';
import { denial } from './policy.js';
import { ascii, concat, copied, hex, sameBytes } from './reader.js';
import { asPackageError, decode, Refusal, check, messageOf } from './refusal.js';
import { readBody } from './sets.js';
import { base62, readToken } from './token.js';

const SECRET_BYTES = 32;
const SKEW_MS = 10_000n;
const REMEMBERED = 1024;
const [BIND, TOKN, CHEK, NAME, STMP, HEAD] =
  ['bind', 'tokn', 'chek', 'name', 'stmp', 'head'].map((word) => ascii(`portc1/${word}`));

// The class of one issuer's keys. An engine never changes its issuer, so the issuer's text is made
// once.
const keysOf = (issuer, text = `iss_${base62(issuer)}`) =>
  class Key {
    constructor(token, signer) {
      this.issuer = text;
      this.kind = KINDS[token.kind];
      this.environment = ENVIRONMENTS[token.environment];
      this.algorithm = ALGORITHMS[signer.algorithm];
      this.kid = token.kid;
      this.serial = token.serial;
      this.issuedAt = token.issuedAt * 1000;
      this.expiresAt = token.expiresAt * 1000 || null;
      this.owner = token.owner || null;
      this.policy = token.policy || null;
    }

    get name() {
      return `apk_${base62(digest16(NAME, issuer, u64(this.serial)))}`;
    }

    toJSON() {
      return asJson(this);
    }
  };

export class Engine {
  #root;
  #keyring;
  #secrets = new Map();
  #waiting = new Map();
  #list;
  #policies = new Policies();
  #remembered = new Set();
  #Key;
  missed;

  constructor(root) {
    this.#root = asPackageError(() => readRoot(root));
  }

  verify(text, kind, environment, nowMs, freshFor, facts) {
    const now = BigInt(Math.floor(nowMs));
    try {
      this.missed = undefined;
      const { token, signer } = this.#check(text, kind, environment, now);
      const grant = facts === undefined ? undefined : this.#admit(token, facts);
      this.#Key ??= keysOf(this.#keyring.issuer);
      const key = new this.#Key(token, signer);
      const list = this.#facts(now, freshFor);
      return grant === undefined ? { ok: true, key, list } : { ok: true, key, list, grant };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { ok: false, code: error.code, message: messageOf(error), list: this.#facts(now, freshFor) };
    }
  }

  #check(text, kind, environment, now) {
    let token = readToken(text);
    check(token.code === undefined, token.code);
    check(this.#keyring !== undefined, 'list_missing');
    const signer = this.#signerOf(token);
    this.#checkProof(token, signer);
    const list = this.#list;
    check(list !== undefined, 'list_missing');
    this.#checkStamp(list.stamp, now);
    check(sameBytes(list.stamp.issuer, this.#keyring.issuer), 'foreign_list');
    check(countsAt(signer, now), 'signer_not_allowed', token.kid);
    const state = stateOf(list, token, Number(now));
    check(state === 'good', state);
    token = this.#assign(token, now);
    check(token.expiresAt === 0 || now < BigInt(token.expiresAt) * 1000n, 'expired');
    check(kind === 0 || kind === token.kind, 'wrong_kind', 0, 0, KINDS[kind], KINDS[token.kind]);
    check(
      environment === 0 || environment === token.environment,
      'wrong_environment', 0, 0, ENVIRONMENTS[environment], ENVIRONMENTS[token.environment],
    );
    return { token, signer };
  }

  // The token with what its assignment, if it has one, puts in the place of what it says.
  #assign(token, now) {
    const { head, shards } = this.#list;
    const slot = token.serial % 2 ** 20;
    if (!shards.get(Math.floor(token.serial / 2 ** 20)).isAssigned(slot)) return token;
    check(!token.isAdmin, 'assignment_not_allowed');
    const { code, assignment } = this.#findAssignment(token.kind, token.serial);
    if (code === 'assignment_unavailable') this.missed = [token.kind, token.serial, true];
    check(code === undefined, code);
    // The root says what the head's signer may change.
    const signer = this.#keyring.signers.get(head.kid);
    const allowed = signer?.purpose === LIST && countsAt(signer, now) ? signer.kinds : 0;
    const effective = assigned(token, assignment, allowed);
    check(effective !== undefined, 'assignment_not_allowed');
    return effective;
  }

  #findAssignment(kind, serial) {
    const { head } = this.#list;
    const isPublic = kind === 2;
    return this.#policies.findAssignment(isPublic ? head.publicAssignments : head.privateAssignments, isPublic ? 1 : 2, serial);
  }

  #signerOf(token) {
    const { labels, signers } = this.#keyring;
    check(labels.includes(token.label), 'foreign_label');
    const signer = signers.get(token.kid);
    check(signer !== undefined, 'unknown_kid', token.kid);
    const maySign = !token.isAdmin && (signer.environments & token.environment) !== 0 && (signer.kinds & token.kind) !== 0;
    check(signer.purpose === TOKEN && maySign, 'signer_not_allowed', token.kid);
    return signer;
  }

  #message(token) {
    return concat(TOKN, digest16(BIND, this.#keyring.issuer, ascii(token.prefix)), token.signed);
  }

  #checkProof(token, signer) {
    const isSignature = token.proof.length !== TAG_BYTES;
    check(isSignature === (signer.algorithm === ED25519), 'bad_signature');
    if (signer.algorithm === HMAC) {
      const secret = this.#secrets.get(token.kid);
      check(secret !== undefined, 'secret_not_held', token.kid);
      check(isTag(secret, this.#message(token), token.proof), 'bad_signature');
      return;
    }
    const name = memory(signer.key, this.#message(token), token.proof);
    if (this.#remembered.has(name)) return;
    check(verifySignature(signer.key, this.#message(token), token.proof), 'bad_signature');
    this.remember({ name });
  }

  // What a native verification of this token's signature needs; `undefined` if a native
  // verification is not possible or not needed.
  signature(text) {
    const token = readToken(text);
    if (token.code !== undefined || this.#keyring === undefined) return undefined;
    try {
      const { key, algorithm } = this.#signerOf(token);
      const [message, signature] = [this.#message(token), token.proof];
      const name = memory(key, message, signature);
      const isOpen = algorithm === ED25519 && isStrict(signature) && !this.#remembered.has(name);
      return isOpen ? { key, message, signature, name } : undefined;
    } catch (error) {
      if (error instanceof Refusal) return undefined;
      throw error;
    }
  }

  // Caches a signature. Call it only after the signature was found good.
  remember({ name }) {
    if (this.#remembered.size >= REMEMBERED) this.#remembered.delete(this.#remembered.values().next().value);
    this.#remembered.add(name);
  }

  #admit(token, facts) {
    const found = this.#find(token.kind, token.policy);
    if (found.code === 'policy_unavailable') this.missed = [token.kind, token.policy];
    check(found.code === undefined, found.code);
    const code = denial(found.policy, facts);
    check(code === undefined, code);
    const { scopes, salesChannels, rateClass } = found.policy;
    return { scopes: [...scopes], salesChannels: [...salesChannels], rateClass };
  }

  #find(kind, number) {
    const { head } = this.#list;
    return this.#policies.find(kind === 2 ? head.publicPolicies : head.privatePolicies, kind === 2 ? 1 : 2, number);
  }

  wantsPolicy(kind, number) {
    if (this.#list === undefined) return undefined;
    const { name } = this.#find(kind, number);
    return name && wanted(kind === 2 ? 'policies' : 'private', name);
  }

  wantsAssignment(kind, serial) {
    if (this.#list === undefined) return undefined;
    const { name } = this.#findAssignment(kind, serial);
    return name && wanted(kind === 2 ? 'policies' : 'private', name);
  }

  offerPolicy({ name }, file) {
    asPackageError(() => {
      const good = decode('list_unreadable', 'policy file', () => this.#policies.offer(name, copied(file)));
      check(good, 'list_wrong_digest', 0, 0, 'policy file');
    });
  }

  status(nowMs, freshFor) {
    const keyring = this.#keyring;
    return {
      issuer: keyring === undefined ? null : this.issuer(),
      keyring: keyring === undefined ? null : { version: keyring.version, notAfter: Number(keyring.notAfter) },
      list: this.#facts(BigInt(Math.floor(nowMs)), freshFor),
      waitingSecrets: [...this.#waiting.keys()],
    };
  }

  issuer() {
    return `iss_${base62(this.#keyring.issuer)}`;
  }

  #facts(now, freshFor) {
    const list = this.#list;
    if (list === undefined) {
      return { freshness: 'unknown', epoch: null, number: null, ageMs: null, thisUpdate: null, nextUpdate: null };
    }
    const { epoch, number, thisUpdate, nextUpdate } = list.stamp;
    const ageMs = now > thisUpdate ? Number(now - thisUpdate) : 0;
    const freshness = this.#isCurrent(now) ? (ageMs <= freshFor ? 'fresh' : 'stale') : 'unknown';
    return {
      freshness, epoch, number: Number(number), ageMs, thisUpdate: Number(thisUpdate), nextUpdate: Number(nextUpdate),
    };
  }

  #isCurrent(now) {
    try {
      this.#checkStamp(this.#list.stamp, now);
      return true;
    } catch {
      return false;
    }
  }

  holdSecret(kid, secret) {
    asPackageError(() => {
      check(secret.length === SECRET_BYTES, 'secret_length');
      this.#waiting.delete(kid);
      this.#waiting.set(kid, copied(secret));
      this.#placeSecrets();
    });
  }

  // Tries all waiting secrets before it throws the first error.
  #placeSecrets() {
    if (this.#keyring === undefined) return;
    let first;
    for (const [kid, secret] of this.#waiting) {
      const signer = this.#keyring.signers.get(kid);
      if (signer === undefined) continue;
      this.#waiting.delete(kid);
      if (signer.algorithm !== HMAC) first ??= new Refusal('secret_without_kid', kid);
      else if (!this.#matchesCheck(this.#keyring, kid, secret)) first ??= new Refusal('secret_wrong', kid);
      else this.#secrets.set(kid, secret);
    }
    if (first !== undefined) throw first;
  }

  #matchesCheck({ issuer, signers }, kid, secret) {
    const signer = signers.get(kid);
    const check = () => hmacSha256(secret, concat(CHEK, issuer, Uint8Array.of(kid >> 8, kid & 0xff)));
    return signer?.algorithm === HMAC && sameBytes(check(), signer.key);
  }

  offerKeyring(document) {
    return asPackageError(() => {
      const news = this.#takeKeyring(copied(document));
      this.#placeSecrets();
      return news;
    });
  }

  #takeKeyring(document) {
    const held = this.#keyring;
    const taken = takeKeyring(held, this.#root, document);
    if (taken === undefined) return false;
    const offered = taken.keyring;
    [this.#keyring, this.#root] = [offered, taken.root];
    if (held === undefined) return true;
    for (const [kid, secret] of this.#secrets) {
      if (!this.#matchesCheck(offered, kid, secret)) this.#secrets.delete(kid);
    }
    if (offered.epoch !== held.epoch) this.#list = undefined;
    return true;
  }

  adoptBundle(file, nowMs) {
    return asPackageError(() => {
      const bundle = decode('list_unreadable', 'bundle', () => readBundle(copied(file)));
      let news = false;
      let trouble;
      try {
        news = this.#takeBundle(bundle, nowMs);
      } catch (error) {
        trouble = error;
      }
      try {
        this.#placeSecrets();
      } catch (error) {
        trouble ??= error;
      }
      if (trouble !== undefined) throw trouble;
      return news;
    });
  }

  #takeBundle({ keyring, stamp, head, bodies }, nowMs) {
    let news = false;
    try {
      news = this.#takeKeyring(keyring);
    } catch (error) {
      // The bundle's list may be newer even if its keyring is older.
      if (error.code !== 'keyring_rollback') throw error;
    }
    const before = this.#list?.stamp;
    const missing = this.#takeList(stamp, [head, ...bodies], nowMs, true);
    check(missing.length === 0, 'list_wrong_digest', 0, 0, 'body');
    return news || this.#list.stamp !== before;
  }

  offerList(stamp, parts, nowMs, withoutPolicies) {
    return asPackageError(() => {
      check(this.#keyring !== undefined, 'keyring_missing');
      return this.#takeList(copied(stamp), parts.map(copied), nowMs, withoutPolicies);
    });
  }

  #takeList(file, [headFile, ...bodyFiles], nowMs, withoutPolicies) {
    const now = BigInt(Math.floor(nowMs));
    const stamp = decode('list_unreadable', 'stamp', () => readStamp(file));
    const signer = this.#checkStamp(stamp, now);
    check(signedBy(signer.key, STMP, file), 'list_bad_signature');
    const held = this.#list;
    // Never go back to an older list, and never accept a second list with the same number.
    if (held !== undefined) {
      check(stamp.number >= held.stamp.number, 'list_rollback', stamp.number, held.stamp.number);
      if (stamp.number === held.stamp.number) {
        check(sameBytes(stamp.headDigest, held.stamp.headDigest), 'list_equivocation', stamp.number);
        if (stamp.thisUpdate > held.stamp.thisUpdate) this.#list = { ...held, stamp };
        return [];
      }
    }
    // Collect the head, then the bodies that are not held; return the names of those that are
    // missing.
    if (headFile === undefined) return [wanted('heads', { digest: stamp.headDigest, len: stamp.headLength })];
    const head = this.#openHead(headFile, stamp, now);
    const bodies = new Map(held === undefined ? [] : held.bodies);
    const named = new Set(head.shards.map(({ digest }) => hex(digest)));
    for (const body of bodyFiles) {
      const name = hex(sha256(body));
      check(named.has(name), 'list_wrong_digest', 0, 0, 'body');
      if (!bodies.has(name)) bodies.set(name, decode('list_unreadable', 'body', () => readBody(body)));
    }
    const missing = new Map();
    for (const { digest, len } of head.shards) {
      if (!bodies.has(hex(digest))) missing.set(hex(digest), wanted('bodies', { digest, len }));
    }
    if (missing.size > 0) return [...missing.values()];
    // Policies in use should stay available after the switch: fetch their replacements first.
    if (!withoutPolicies && held !== undefined) {
      const wants = (folder, which) =>
        this.#policies.wants(held.head[which], head[which]).map((name) => wanted(folder, name));
      const files = [
        ...wants('private', 'privatePolicies'), ...wants('policies', 'publicPolicies'),
        ...wants('private', 'privateAssignments'), ...wants('policies', 'publicAssignments'),
      ];
      if (files.length > 0) return files;
    }
    // Everything is here: switch to the new list, and drop what it no longer names.
    for (const name of bodies.keys()) if (!named.has(name)) bodies.delete(name);
    const shards = new Map(head.shards.map(({ shard, digest }) => [shard, bodies.get(hex(digest))]));
    this.#list = { stamp, head, bodies, shards };
    this.#policies.retain([
      head.publicPolicies, head.privatePolicies, head.publicAssignments, head.privateAssignments,
    ]);
    return [];
  }

  #openHead(file, stamp, now) {
    check(sameBytes(sha256(file), stamp.headDigest), 'list_wrong_digest', 0, 0, 'head');
    const head = decode('list_unreadable', 'head', () => readHead(file));
    const signer = this.#listKey(head.issuer, head.kid, now);
    check(signedBy(signer.key, HEAD, file), 'list_bad_signature');
    const fits = head.epoch === stamp.epoch && head.number === stamp.number && head.thisUpdate <= stamp.thisUpdate;
    check(fits, 'list_wrong_digest', 0, 0, 'head');
    return head;
  }

  // Checks everything about a stamp but its signature. The list is in force as long as this passes.
  // Returns the key that signs it.
  #checkStamp(stamp, now) {
    const { issuer, version, epoch, longestValidity } = this.#keyring;
    check(sameBytes(stamp.issuer, issuer), 'list_foreign_issuer');
    check(stamp.keyringVersion <= version, 'keyring_behind', stamp.keyringVersion, version);
    const signer = this.#listKey(stamp.issuer, stamp.kid, now);
    check(stamp.epoch === epoch, 'list_wrong_epoch', stamp.epoch, epoch);
    const inOrder = stamp.thisUpdate < stamp.nextUpdate;
    check(stamp.thisUpdate <= now + SKEW_MS && inOrder, 'list_from_the_future');
    const validity = stamp.nextUpdate - stamp.thisUpdate;
    check(validity <= BigInt(longestValidity) * 1000n, 'list_too_long_valid');
    check(now < stamp.nextUpdate, 'list_past_next_update');
    return signer;
  }

  #listKey(issuer, kid, now) {
    const { issuer: ours, notAfter, signers } = this.#keyring;
    check(sameBytes(issuer, ours), 'list_foreign_issuer');
    check(now < notAfter, 'keyring_expired');
    const signer = signers.get(kid);
    const good = signer !== undefined && signer.purpose === LIST && countsAt(signer, now);
    check(good, 'list_unknown_kid', kid);
    return signer;
  }
}

function stateOf({ head, shards }, token, now) {
  const bulk = head.bulk.filter((entry) => appliesTo(entry, token)).map(({ state }) => state);
  const shard = shards.get(Math.floor(token.serial / 2 ** 20));
  const slot = shard?.state(token.serial % 2 ** 20, now) ?? 'not_covered';
  if (slot === 'revoked' || bulk.includes(REVOKED)) return 'revoked';
  if (slot === 'not_covered') return slot;
  return slot === 'suspended' || bulk.length > 0 ? 'suspended' : 'good';
}

function wanted(folder, { digest, len }) {
  return { folder, digest: hex(digest), len, name: { digest, len } };
}

function memory(...parts) {
  return String.fromCharCode(...concat(...parts));
}

function digest16(...parts) {
  return sha256(concat(...parts)).subarray(0, 16);
}

function u64(number) {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setBigUint64(0, BigInt(number));
  return new Uint8Array(bytes.buffer);
}
