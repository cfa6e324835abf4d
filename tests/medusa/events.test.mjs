// Events belong to the workflow in which they come about: Medusa's own module and `portcullis/medusa`, by the
// same workflows.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { run } from '../e2e/support/processes.mjs';
import { database, issuerFor } from './support.mjs';

const folder = fileURLToPath(new URL('.', import.meta.url));

async function told(name, MODULE, options) {
  const env = {
    DATABASE_URL: await database(`events_${name}`),
    MODULE,
    OPTIONS: JSON.stringify(options),
    MEDUSA_DISABLE_TELEMETRY: 'true',
    LOG_LEVEL: 'error',
  };
  const { code, stdout, stderr } = await run(process.execPath, ['events-run.mjs'], { cwd: folder, env });
  assert.equal(code, 0, stdout + stderr);
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

let theirs;
let ours;
before(async () => {
  const issuer = await issuerFor();
  [theirs, ours] = await Promise.all([
    told('theirs', '@medusajs/medusa/api-key', {}),
    told('ours', 'portcullis/medusa', issuer.options),
  ]);
});

const acts = ['create', 'create of two', 'upsert', 'update', 'revoke', 'delete', 'soft delete'];

for (const act of acts) {
  test(`${act}: the events of a workflow come when it has ended, as those of Medusa's own module`, () => {
    const { during, after } = ours.ends[act];
    assert.deepEqual(during, []);
    assert.ok(after.length > 0);
    assert.deepEqual(ours.ends[act], theirs.ends[act]);
  });

  test(`${act}: a workflow that fails tells of nothing`, () => {
    assert.deepEqual(ours.fails[act], { during: [], after: [] });
    assert.deepEqual(ours.fails[act], theirs.fails[act]);
  });

  test(`${act}: outside of a workflow the event comes at once`, () => {
    assert.ok(ours.alone[act].length > 0);
    assert.deepEqual(ours.alone[act], theirs.alone[act]);
  });
}

test('a restore, of which Medusa tells nothing, belongs to its workflow as well', () => {
  const names = (events) => events.map(({ name }) => name);
  assert.deepEqual([theirs.ends.restore, theirs.alone.restore], [{ during: [], after: [] }, []]);
  assert.deepEqual(ours.ends.restore.during, []);
  assert.deepEqual(names(ours.ends.restore.after), ['api_key.api-key.restored']);
  assert.deepEqual(ours.fails.restore, { during: [], after: [] });
  assert.deepEqual(names(ours.alone.restore), ['api_key.api-key.restored']);
});

test('what a create is taken back by tells of nothing in a workflow that fails', () => {
  assert.deepEqual(ours.fails.undo, { during: [], after: [] });
  assert.deepEqual(ours.ends.undo.after.map(({ name }) => name), ['api_key.api-key.deleted']);
});

test('a workflow inside of another waits for the outer one', () => {
  assert.deepEqual(ours.nested, theirs.nested);
  assert.deepEqual(ours.nested.fails, { during: [], after: [] });
  assert.equal(ours.nested.ends.after.length, 1);
});

test('a caller that names a group itself is heard', () => {
  assert.deepEqual(ours.grouped, theirs.grouped);
  assert.deepEqual([ours.grouped.staged, ours.grouped.released.length], [[], 1]);
});

test('every method of the service takes the context, but the one that no workflow calls', () => {
  assert.deepEqual(ours.without, ['status']);
});
