// Parses the signed documents (docs/keyring.md, docs/revocation-list.md). Parsing verifies no
// signature. Instants and list numbers have 64 bits and stay BigInt, so that all bits are compared.

import { keyFault } from './ed25519.js';
import { checkField, isZero, latin1, Reader, tooNew } from './reader.js';

const LABEL = /^[a-z][a-z0-9]{0,15}$/;
export const RESERVED = /^(?:[a-z]k|live|test)$/;
export const HMAC = 1;
export const ED25519 = 2;
export const TOKEN = 1;
export const LIST = 3;
export const ASSERTION = 5;
const ADMIN = 2;
const RETIRED = 4;
const SUSPENDED = 1;
export const REVOKED = 2;
const LONGEST_POLICY_FILE = 8192;
const NO_BOUND = 2 ** 32 - 1;
// The largest subject by scope: owner, kid, environment, serials.
const LARGEST = [0, 2 ** 32 - 1, 2 ** 16 - 1, 2, 2 ** 48 - 1];
const SERIALS = 4;
const ENVIRONMENT = 3;

function readSigner(reader) {
  const signer = {
    kid: reader.u16(),
    algorithm: reader.u8(),
    purpose: reader.u8(),
    environments: reader.u8(),
    kinds: reader.u8(),
    state: reader.u8(),
    notBefore: reader.u64(),
    notAfter: reader.u64(),
    key: reader.take(32),
  };
  const { algorithm, purpose, environments, kinds, state } = signer;
  const within = (value, from, to) => value >= from && value <= to;
  checkField(within(algorithm, HMAC, ED25519), 'algorithm');
  checkField(within(purpose, 1, 5), 'purpose');
  checkField(within(state, 1, RETIRED), 'state');
  const signsTokens = purpose === TOKEN || purpose === ADMIN;
  checkField(signsTokens ? within(environments, 1, 3) : environments === 0, 'environments and kinds');
  // A list signer's byte says what assignments may change.
  if (purpose === LIST) checkField(kinds <= 15, 'changes');
  else checkField(signsTokens ? within(kinds, 1, 3) : kinds === 0, 'environments and kinds');
  checkField(algorithm === ED25519 || purpose === TOKEN, 'algorithm');
  checkField(algorithm === HMAC || keyFault(signer.key) === undefined, 'public key');
  return signer;
}

export function countsAt({ state, notBefore, notAfter }, now) {
  return state !== RETIRED && notBefore <= now && now < notAfter;
}

export function readKeyring(document) {
  const reader = new Reader(document);
  reader.magic('K', 'keyring');
  const keyring = {
    document,
    issuer: reader.take(16),
    version: reader.u32(),
    notAfter: reader.u64(),
    epoch: reader.u32(),
    longestValidity: reader.u32(),
    successor: reader.take(32),
    labels: [],
    signers: new Map(),
  };
  if (isZero(keyring.successor)) keyring.successor = undefined;
  else checkField(keyFault(keyring.successor) === undefined, 'successor');
  // 1 to 4 distinct labels; an empty one allows keys without a label.
  for (let count = reader.u8(); count > 0; count -= 1) {
    const label = latin1(reader.take(reader.u8()));
    checkField(label === '' || (LABEL.test(label) && !RESERVED.test(label)), 'labels');
    keyring.labels.push(label);
  }
  const { labels } = keyring;
  checkField(labels.length >= 1 && labels.length <= 4 && new Set(labels).size === labels.length, 'labels');
  // The signers, in ascending order of their kids.
  let least = 0;
  for (let count = reader.u16(); count > 0; count -= 1) {
    const signer = readSigner(reader);
    checkField(signer.kid >= least, 'kid');
    keyring.signers.set(signer.kid, signer);
    least = signer.kid + 1;
  }
  // The signature, which the caller has verified.
  reader.take(64);
  reader.end();
  return keyring;
}

export function readStamp(document) {
  const reader = new Reader(document);
  reader.magic('S', 'stamp');
  const stamp = {
    document,
    issuer: reader.take(16),
    kid: reader.u16(),
    epoch: reader.u32(),
    number: reader.u64(),
    thisUpdate: reader.u64(),
    nextUpdate: reader.u64(),
    headDigest: reader.take(32),
    headLength: reader.u32(),
    keyringVersion: reader.u32(),
  };
  reader.take(64);
  reader.end();
  return stamp;
}

function readBulkEntry(reader) {
  const [scope, state, first, last] = [reader.u8(), reader.u8(), reader.u48(), reader.u48()];
  const [from, before] = [reader.u32(), reader.u32()];
  checkField(scope >= 1 && scope <= SERIALS && state >= SUSPENDED && state <= REVOKED, 'bulk entry');
  checkField(scope === SERIALS ? first <= last : first === last, 'bulk entry');
  checkField(last <= LARGEST[scope] && (scope !== ENVIRONMENT || first >= 1), 'bulk entry');
  checkField(from < before, 'bulk entry');
  return { scope, first, last, state, from, before };
}

function ascends(a, b) {
  for (const field of ['scope', 'first', 'last', 'state', 'from', 'before']) {
    if (a[field] !== b[field]) return a[field] < b[field];
  }
  return false;
}

export function appliesTo(entry, token) {
  const subject = [0, token.owner, token.kid, token.environment, token.serial][entry.scope];
  const issued =
    token.issuedAt >= entry.from && (entry.before === NO_BOUND || token.issuedAt < entry.before);
  return issued && subject >= entry.first && subject <= entry.last;
}

// The name of a directory, `undefined` for none.
function readName(reader, field) {
  const [digest, len] = [reader.take(32), reader.u32()];
  checkField(isZero(digest) === (len === 0), field);
  checkField(len <= LONGEST_POLICY_FILE, field);
  return len === 0 ? undefined : { digest, len };
}

// By the types of directories, from 1 up.
const TYPES = ['publicAssignments', 'privateAssignments'];

export function readHead(document) {
  const reader = new Reader(document);
  reader.magic('H', 'list head');
  const head = {
    document,
    issuer: reader.take(16),
    kid: reader.u16(),
    epoch: reader.u32(),
    number: reader.u64(),
    thisUpdate: reader.u64(),
    // The previous head's digest. A verifier doesn't follow the chain.
    previous: reader.take(32),
    publicPolicies: readName(reader, 'policies'),
    privatePolicies: readName(reader, 'policies'),
    publicAssignments: undefined,
    privateAssignments: undefined,
    shards: [],
    bulk: [],
  };
  // The highest bits count directories.
  const word = reader.u32();
  let above = 1;
  for (let count = word >>> 28; count > 0; count -= 1) {
    const type = reader.u8();
    checkField(type >= above, 'directories');
    if (type > TYPES.length) throw tooNew('directories');
    const name = readName(reader, 'directories');
    checkField(name !== undefined, 'directories');
    head[TYPES[type - 1]] = name;
    above = type + 1;
  }
  let least = 0;
  for (let count = reader.fits(word % 2 ** 28, 40); count > 0; count -= 1) {
    const [shard, len, digest] = [reader.u32(), reader.u32(), reader.take(32)];
    checkField(shard >= least && shard < 2 ** 28, 'shard');
    head.shards.push({ shard, len, digest });
    least = shard + 1;
  }
  for (let count = reader.count(22); count > 0; count -= 1) {
    const entry = readBulkEntry(reader);
    checkField(head.bulk.length === 0 || ascends(head.bulk.at(-1), entry), 'bulk entry');
    head.bulk.push(entry);
  }
  reader.take(64);
  reader.end();
  return head;
}

export function readBundle(file) {
  const reader = new Reader(file);
  reader.magic('Z', 'bundle');
  const part = () => reader.take(reader.count(1));
  const [keyring, stamp, head] = [part(), part(), part()];
  const bodies = [];
  for (let count = reader.count(4); count > 0; count -= 1) bodies.push(part());
  reader.end();
  return { keyring, stamp, head, bodies };
}

