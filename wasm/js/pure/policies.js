// The files of policies and of assignments that one verifier holds, by digest: directories and
// bodies.

import { sha256 } from '../../dist/noble.js';
import { readAssignmentBody, readAssignmentDirectory } from './assignments.js';
import { NO_POLICY, readPolicy } from './policy.js';
import { readPrivacy, readRanges } from './ranges.js';
import { checkField, hex, Reader, truncated } from './reader.js';

const LONGEST_FILE = 8192;
const MOST_BYTES = 4 << 20;
// More than any number of a policy, and any serial.
const NO_NUMBER = 2 ** 48;

function readDirectory(file) {
  const reader = new Reader(file);
  reader.magic('D', 'policy directory');
  return { ...readRanges(reader, () => reader.u32()), holds: 'policies', records: undefined, len: file.length };
}

function readBody(file) {
  checkField(file.length <= LONGEST_FILE, 'length');
  const reader = new Reader(file);
  reader.magic('P', 'policy body');
  const visibility = readPrivacy(reader);
  const count = reader.u16();
  checkField(count > 0, 'number of policies');
  const entries = Array.from({ length: count }, () => [reader.u32(), reader.u16()]);
  const policies = new Map();
  let [below, start] = [0, 0];
  for (const [number, end] of entries) {
    checkField(number > below, 'policy number');
    if (end < start) throw truncated();
    policies.set(number, readPolicy(reader.take(end - start)));
    [below, start] = [number, end];
  }
  reader.end();
  return { visibility, records: policies, holds: 'policies', ranges: undefined, len: file.length };
}

// By the letter of a file's magic.
const READERS = { D: readDirectory, E: readAssignmentDirectory, N: readAssignmentBody };

export class Policies {
  #files = new Map();
  #bytes = 0;

  // Stores the file. Returns false if it is not the one that `name` names; throws if it can't be
  // parsed.
  offer({ digest, len }, file) {
    const name = hex(digest);
    if (file.length !== len || hex(sha256(file)) !== name) return false;
    if (this.#files.has(name)) return true;
    const letter = String.fromCharCode(file[2]);
    const read = Object.hasOwn(READERS, letter) ? READERS[letter](file) : readBody(file);
    if (this.#bytes + len > MOST_BYTES) {
      this.#files.clear();
      this.#bytes = 0;
    }
    this.#files.set(name, read);
    this.#bytes += len;
    return true;
  }

  #get({ digest, len }) {
    const file = this.#files.get(hex(digest));
    return file?.len === len ? file : undefined;
  }

  // Returns `{ policy }`, `{ code }`, or a code with the `name` of the file to fetch first.
  // Fields without a value are present as `undefined`.
  find(directory, visibility, number) {
    if (number === 0) return { policy: NO_POLICY, code: undefined, name: undefined };
    const { record, ...rest } = this.#look('policies', directory, visibility, number, 'policy');
    return { policy: record, ...rest };
  }

  // The same for the assignment of the key with this serial: `{ assignment }`.
  findAssignment(directory, visibility, serial) {
    const { record, ...rest } = this.#look('assignments', directory, visibility, serial, 'assignment');
    return { assignment: record, ...rest };
  }

  #look(holds, directory, visibility, number, word) {
    const missing = { record: undefined, code: `${word}_missing`, name: undefined };
    if (directory === undefined) return missing;
    let name = directory;
    let above;
    for (;;) {
      const file = this.#get(name);
      if (file === undefined) return { record: undefined, code: `${word}_unavailable`, name };
      if (file.visibility !== visibility || file.holds !== holds) return missing;
      if (file.records !== undefined) {
        const record = above === 0 ? file.records.get(number) : undefined;
        if (record === null) return { ...missing, code: `${word}_too_new` };
        return record === undefined ? missing : { record, code: undefined, name: undefined };
      }
      if (above !== undefined && file.level !== above - 1) return missing;
      const range = file.ranges.findLast(({ first }) => first <= number);
      if (range === undefined) return missing;
      name = range.name;
      above = file.level;
    }
  }

  // The files to fetch under the directory `next` because they replace bodies in use under the
  // directory `old`.
  wants(old, next) {
    const used = this.#reach(old, undefined).filter(({ file }) => file?.records !== undefined);
    const missing = this.#reach(next, used).filter(({ file }) => file === undefined);
    return [...new Map(missing.map(({ name }) => [hex(name.digest), name])).values()];
  }

  retain(directories) {
    const places = directories.flatMap((directory) => this.#reach(directory, undefined));
    const kept = new Set(places.map(({ name }) => hex(name.digest)));
    for (const [name, { len }] of this.#files) {
      if (kept.has(name)) continue;
      this.#files.delete(name);
      this.#bytes -= len;
    }
  }

  // Every file reachable from a directory, as far as directories are held, with the range of
  // numbers that each covers. With `spans`, only files whose range overlaps one of the spans.
  #reach(directory, spans) {
    const wanted = (first, last) =>
      spans === undefined || spans.some((span) => span.first <= last && first <= span.last);
    const places = [];
    const seen = new Set();
    const visit = (name, first, last) => {
      if (!wanted(first, last)) return;
      const file = this.#get(name);
      places.push({ name, file, first, last });
      if (file?.ranges === undefined || seen.has(hex(name.digest))) return;
      seen.add(hex(name.digest));
      for (const [at, range] of file.ranges.entries()) {
        visit(range.name, range.first, at + 1 < file.ranges.length ? file.ranges[at + 1].first - 1 : last);
      }
    };
    if (directory !== undefined) visit(directory, 0, NO_NUMBER);
    return places;
  }
}
