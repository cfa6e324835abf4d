// Parses the files of assignments (docs/assignment.md), and what an entry makes of a token.

import { checkField, Reader } from './reader.js';
import { readPrivacy, readRanges } from './ranges.js';

const LONGEST_FILE = 8192;
const [POLICY, OWNER, EXPIRES_AT] = [1, 2, 4];
// What a list signer's byte in the keyring allows.
const [MAY_POLICY, MAY_OWNER, MAY_EARLIER, MAY_LATER] = [1, 2, 4, 8];

// `null` for an entry of a later version. A field that isn't assigned is `undefined`.
function readEntry(file) {
  const reader = new Reader(file);
  const fields = reader.u8();
  if (fields > (POLICY | OWNER | EXPIRES_AT)) return null;
  const value = (field) => {
    const number = reader.u32();
    checkField((fields & field) !== 0 || number === 0, 'assignment');
    return (fields & field) === 0 ? undefined : number;
  };
  const entry = { policy: value(POLICY), owner: value(OWNER), expiresAt: value(EXPIRES_AT) };
  checkField(fields !== 0, 'assignment');
  return entry;
}

export function readAssignmentBody(file) {
  checkField(file.length <= LONGEST_FILE, 'length');
  const reader = new Reader(file);
  reader.magic('N', 'assignment body');
  const visibility = readPrivacy(reader);
  const count = reader.u16();
  checkField(count > 0, 'number of assignments');
  const entries = Array.from({ length: count }, () => [reader.u48(), reader.take(13)]);
  reader.end();
  const assignments = new Map();
  let least = 0;
  for (const [serial, entry] of entries) {
    checkField(serial >= least, 'serial');
    assignments.set(serial, readEntry(entry));
    least = serial + 1;
  }
  return { visibility, records: assignments, holds: 'assignments', ranges: undefined, len: file.length };
}

export function readAssignmentDirectory(file) {
  const reader = new Reader(file);
  reader.magic('E', 'assignment directory');
  return { ...readRanges(reader, () => reader.u48()), holds: 'assignments', records: undefined, len: file.length };
}

// The token with what is assigned in the place of what it says. `undefined` if the entry changes
// more than `allowed` has bits for.
export function assigned(token, entry, allowed) {
  const { policy = token.policy, owner = token.owner, expiresAt = token.expiresAt } = entry;
  const late = (end) => end || Infinity;
  const changes =
    (policy === token.policy ? 0 : MAY_POLICY) |
    (owner === token.owner ? 0 : MAY_OWNER) |
    (late(expiresAt) < late(token.expiresAt) ? MAY_EARLIER : 0) |
    (late(expiresAt) > late(token.expiresAt) ? MAY_LATER : 0);
  return (changes & ~allowed) === 0 ? { ...token, policy, owner, expiresAt } : undefined;
}
