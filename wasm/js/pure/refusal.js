// Errors and refusals of the JavaScript engine: a code, and the values for its sentence.

import { PortcullisError } from '../shared/errors.js';
import { sentence } from '../engine/sentence.js';
import { REASONS } from '../generated/reasons.js';
import { TOO_NEW, Unreadable } from './reader.js';

// A refusal of a key or the reason for an error: the code, and the values for its sentence.
export class Refusal extends Error {
  constructor(code, ...values) {
    super(code);
    Object.assign(this, { code, values });
  }
}

// A key and a file can be refused with the same code but different sentences. The rows for keys
// come first, so searches for a file's sentence start at this row.
const FIRST_OF_FILES = REASONS.findIndex(([code]) => code === 'root_unreadable');

export function messageOf({ code, values }, from = 0) {
  const row = REASONS.findIndex(([known], at) => known === code && at >= from);
  return sentence(REASONS[row][1], () => values);
}

export function check(condition, code, ...values) {
  if (!condition) throw new Refusal(code, ...values);
}

// Turns an unreadable file into the package's error, with the sentence for what is wrong with it.
export function decode(code, part, read) {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    const refused = error.row === TOO_NEW ? 'list_too_new' : code;
    const first = REASONS.findIndex(([known]) => known === refused);
    const row = error.row === TOO_NEW ? first : first + error.row;
    const text = sentence(REASONS[row][1], () => [error.number, 0, part, error.word]);
    throw new PortcullisError(refused, text);
  }
}

// Turns a refusal into the package's error.
export function asPackageError(work) {
  try {
    return work();
  } catch (error) {
    if (error instanceof Refusal) throw new PortcullisError(error.code, messageOf(error, FIRST_OF_FILES));
    throw error;
  }
}
