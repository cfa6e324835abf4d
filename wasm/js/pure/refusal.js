// Why the engine in JavaScript throws or refuses: codes, with what their sentences are filled with.

import { PortcullisError } from '../errors.js';
import { REASONS, sentence } from '../reasons.js';
import { Unreadable } from './reader.js';

// Why a call throws or a key is refused: the code, and what its sentence is filled with.
export class Refusal extends Error {
  constructor(code, ...values) {
    super(code);
    Object.assign(this, { code, values });
  }
}

// The same code may stand for a key and for a file, with another sentence: the first rows are keys'.
const FIRST_OF_FILES = REASONS.findIndex(([code]) => code === 'root_unreadable');

export function told({ code, values }, from = 0) {
  const row = REASONS.findIndex(([known], at) => known === code && at >= from);
  return sentence(REASONS[row][1], () => values);
}

export function require(condition, code, ...values) {
  if (!condition) throw new Refusal(code, ...values);
}

// What can't be read of a file is its own refusal, with the sentence for what is wrong with it.
export function reading(code, part, read) {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    const first = REASONS.findIndex(([known]) => known === code);
    const text = sentence(REASONS[first + error.row][1], () => [error.number, 0, part, error.word]);
    throw new PortcullisError(code, text);
  }
}

// What throws is an error of the package's.
export function fault(work) {
  try {
    return work();
  } catch (error) {
    if (error instanceof Refusal) throw new PortcullisError(error.code, told(error, FIRST_OF_FILES));
    throw error;
  }
}
