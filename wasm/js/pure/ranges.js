// What the files of policies and of assignments have in common: visibility, salt, ranges.

import { checkField } from './reader.js';

const LONGEST_FILE = 8192;
const MOST_RANGES = 128;
const HIGHEST_LEVEL = 3;
const SALT_BYTES = 32;
const PRIVATE = 2;

function readVisibility(reader) {
  const visibility = reader.u8();
  checkField(visibility === 1 || visibility === PRIVATE, 'visibility');
  return visibility;
}

// The visibility of a body. The salt behind that of a private one is passed over.
export function readPrivacy(reader) {
  const visibility = readVisibility(reader);
  if (visibility === PRIVATE) reader.take(SALT_BYTES);
  return visibility;
}

// A directory behind its magic. `readFirst` reads the first number of a range.
export function readRanges(reader, readFirst) {
  const [visibility, level, count] = [readVisibility(reader), reader.u8(), reader.u16()];
  checkField(level <= HIGHEST_LEVEL, 'level');
  checkField(count >= 1 && count <= MOST_RANGES, 'number of ranges');
  const ranges = [];
  for (let at = 0; at < count; at += 1) {
    const [first, len, digest] = [readFirst(), reader.u32(), reader.take(32)];
    checkField(at === 0 || first > ranges[at - 1].first, 'range');
    checkField(len >= 1 && len <= LONGEST_FILE, 'range');
    ranges.push({ first, name: { digest, len } });
  }
  reader.end();
  return { visibility, level, ranges };
}
