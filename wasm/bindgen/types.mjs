#!/usr/bin/env node
// The TypeScript types of portcullis/bindgen: node wasm/bindgen/types.mjs
//
// src/shared.d.ts repeats types of index.d.ts, because a module that a Rust program builds can't
// import them. wasm-bindgen joins it with src/class.d.ts and with the class's own methods;
// types/bindgen.d.ts is the result for the package's users.
// test/bindgen.test.mjs fails if either file differs from this script's output.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const SHARED = [
  'Kind', 'Environment', 'Algorithm', 'ListFacts', 'CurrentList', 'OutdatedList', 'NoList', 'List', 'Accepted', 'Grant',
  'Admitted', 'Refused', 'Verdict', 'RequestFacts', 'RefusalCode', 'ErrorCode', 'Secret', 'VerifyOptions',
];
const DECLARATION = /^(?:\/\*\*(?:(?!\*\/)[^])*\*\/\n)?export (?:interface|type) (\w+)[^]*?\n(?=\n|$)/gm;
const ABOUT = `/**
 * The package as a class that wasm-bindgen makes, for programs that bundle such classes. Options,
 * verdicts and errors are those of \`portcullis\`; it has no source, and \`update\` takes the files
 * that you fetch. A Rust program exports the same class of its own module: see the crate
 * \`portcullis-bindgen\`.
 *
 * \`\`\`js
 * import { Verifier } from 'portcullis/bindgen';
 *
 * const verifier = new Verifier({ root: 'AbC…', bundle });
 * const verdict = verifier.verify(token, { kind: 'publishable', environment: 'live' });
 * if (verdict.ok) serve(verdict.key.owner);
 * else refuse(verdict.code);
 * \`\`\`
 *
 * The types that \`portcullis\` has as well are described with it.
 */

export { PortcullisError } from '../index.js';
`;

const here = (name) => new URL(name, import.meta.url);
const read = (name) => readFileSync(here(name), 'utf8');

export const FILES = { shared: here('src/shared.d.ts'), entry: here('../types/bindgen.d.ts') };

export function shared() {
  const found = new Map([...read('../index.d.ts').matchAll(DECLARATION)].map(([text, name]) => [name, text]));
  // The class has `update` alone.
  const text = SHARED.map((name) => found.get(name)).join('\n');
  return text.replaceAll('`refresh` and `authenticate` fetch it', '`update` fetches it').replace('`refresh` may help', '`update` may help');
}

// `written` is wasm-bindgen's output. The package's class needs no `free`.
export function entry(written) {
  const kept = written.split('\n').filter((line) => !/^\/\* (?:tslint|eslint)|^ {4}(?:free\(\)|\[Symbol\.dispose\]\(\))/.test(line));
  const text = kept.join('\n')
    // The section that rustdoc needs on a function that returns a Result.
    .replace(/\n +\*\n +\* # Errors\n +\* What JavaScript throws\./g, '')
    // Indented like the package's other types.
    .replace(/^(?: {4})+/gm, (spaces) => ' '.repeat(spaces.length / 2))
    .replace(/^(?=\||\/\/)/gm, '  ')
    .replace(/\n{3,}/g, '\n\n').trim();
  // One declaration instead of the two that TypeScript would merge.
  const [whole, methods] = /\nexport interface Verifier \{\n([^]*?)\}\n/.exec(text);
  const joined = text.replace(whole, '').replace(/(?<=^export class Verifier \{\n)/m, () => methods);
  return `${ABOUT}\n${joined}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(FILES.shared, shared());
  try {
    writeFileSync(FILES.entry, entry(read('../dist/bindgen.d.ts')));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    console.log('there is no dist/bindgen.d.ts yet: run cargo xtask build, and then this again');
  }
}
