// Run in a fresh process: the steps up to the first verdict, each once. Prints nanoseconds.

import { readFileSync } from 'node:fs';
import { bytes, expect } from './peers.mjs';

const [who, keys] = process.argv.slice(2);
const fixtures = JSON.parse(readFileSync(keys, 'utf8'));
const steps = {};
async function step(name, work) {
  const started = process.hrtime.bigint();
  const made = await work();
  steps[name] = Number(process.hrtime.bigint() - started);
  return made;
}

const subjects = {
  async portcullis() {
    const { kid, key, tokens } = fixtures.secret;
    const bundle = bytes(fixtures.bundle);
    const { createVerifier } = await step('load', () => import('../../wasm/js/entry/node.js'));
    const secrets = [{ kid, secret: bytes(key) }];
    const verifier = await step('adopt the list', () =>
      createVerifier({ root: fixtures.root, bundle, secrets }),
    );
    expect(await step('first secret key', () => verifier.verify(tokens[0]).ok));
    expect(await step('second secret key', () => verifier.verify(tokens[1]).ok));
    const publishable = fixtures.publishable.tokens[0];
    expect(await step('first publishable key', () => verifier.verify(publishable).ok));
  },
  async biscuit() {
    const { load, make } = await import('./biscuit.mjs');
    const biscuit = await step('load', load);
    const { tokens, open } = make(biscuit, 2);
    expect(await step('first token', () => open(tokens[0])));
    expect(await step('second token', () => open(tokens[1])));
  },
};
await subjects[who]();
const first = who === 'biscuit' ? ['load', 'first token'] : ['load', 'adopt the list', 'first secret key'];
steps.total = first.reduce((sum, name) => sum + steps[name], 0);
console.log(JSON.stringify(steps));
