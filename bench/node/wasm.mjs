// The core inside wasm, with no boundary in the figure: its own loops, built by wasm/.

import { readFileSync } from 'node:fs';
import { effort, rounds } from './rounds.mjs';

const [module, folder] = process.argv.slice(2);
const compiled = new WebAssembly.Module(readFileSync(module));

function start(file) {
  const { exports } = new WebAssembly.Instance(compiled, {});
  const bytes = readFileSync(`${folder}/${file}`);
  const at = exports.input(bytes.length);
  new Uint8Array(exports.memory.buffer).set(bytes, at);
  exports.open(Date.now());
  return exports;
}

const one = start('verify.bin');
const ten = start('lookup.bin');
const all = (many) => (times) => expect(many(times) === times);
const subjects = {
  'wasm, two compressions': one.compressions,
  'wasm, parse': all(one.parse),
  'wasm, parse, authenticate': all(one.authenticate),
  'wasm, verify': all(one.verify),
  'wasm, load': all(ten.load),
  'wasm, SHA-256 of the same': all(ten.sha256),
};
for (const [structure, name] of ['list', 'clubcard', 'roaring', 'bitmap'].entries()) {
  subjects[`wasm, look-up, ${name}, hit`] = (times) => expect(ten.look(structure, 1, times) === times);
  subjects[`wasm, look-up, ${name}, miss`] = (times) => expect(ten.look(structure, 0, times) === 0);
}
console.log(JSON.stringify({ samples: await rounds(subjects, effort()), facts: {} }));

function expect(right) {
  if (!right) throw new Error('an answer is not the one that was expected');
}
