// Runs cases on Medusa's own API Key Module and on `portcullis/medusa`, and compares the outcomes with the
// case. A case has `run` and either
//   `both`: the outcome of both modules, or
//   `medusa`, `portcullis` and `row`: the outcome of each, and the row of "Where the rules differ" in
//   docs/medusa.md that gives the reason.
// `both` is the outcome with the newest Medusa. With an older one both modules may have another outcome, but
// the same.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { run } from '../../e2e/support/processes.mjs';
import { database, issuerFor, since } from '../support.mjs';

const RUNNER = fileURLToPath(new URL('run.mjs', import.meta.url));
// Medusa looks for modules from where the process is.
const FOLDER = fileURLToPath(new URL('..', import.meta.url));
const DOCS = new URL('../../../docs/medusa.md', import.meta.url);
const IS_NEWEST = since('2.21.0');
const FORMS = ['both,run', 'medusa,portcullis,row,run'];

/** `kind` is what is started: `module`, the module by itself, or `shop`, a whole application. */
export async function onBoth(kind, files) {
  const cases = {};
  for (const file of files) {
    for (const [name, one] of Object.entries((await import(new URL(file, import.meta.url))).cases)) {
      assert.ok(!(name in cases), `two cases are called "${name}"`);
      cases[name] = one;
    }
  }
  const rows = rowsOf(await readFile(DOCS, 'utf8'));
  let theirs;
  let ours;
  before(async () => {
    [theirs, ours] = await Promise.all([
      outcomes(kind, files, 'medusa', '@medusajs/medusa/api-key', {}),
      issuerFor().then(({ options }) => outcomes(kind, files, 'portcullis', 'portcullis/medusa', options)),
    ]);
  });
  for (const [name, one] of Object.entries(cases)) {
    test(name, () => {
      assert.ok(FORMS.includes(Object.keys(one).sort().join()), 'a case says what both come to, or what each does and why');
      if ('row' in one) {
        assert.ok(rows.includes(one.row), `docs/medusa.md has no row "${one.row}" in "Where the rules differ"`);
        assert.notDeepEqual(one.medusa, one.portcullis, 'there is no difference that a row could explain');
      }
      if ('both' in one && !IS_NEWEST) {
        assert.deepEqual(ours[name], theirs[name]);
        return;
      }
      const { both, medusa = both, portcullis = both } = one;
      assert.deepEqual(theirs[name], { value: medusa }, "Medusa's own module");
      assert.deepEqual(ours[name], { value: portcullis }, 'portcullis/medusa');
    });
  }
}

/** The first cells of the table below the heading. */
function rowsOf(text) {
  const table = text.split('\n## Where the rules differ\n')[1].split('\n## ')[0];
  const lines = table.split('\n').filter((line) => line.startsWith('| '));
  return lines.slice(1).map((line) => line.slice(2).split(' | ')[0]);
}

async function outcomes(kind, files, name, MODULE, options) {
  const env = {
    DATABASE_URL: await database(`both_${kind}_${name}`),
    KIND: kind,
    CASES: JSON.stringify(files),
    MODULE,
    OPTIONS: JSON.stringify(options),
    MEDUSA_DISABLE_TELEMETRY: 'true',
    LOG_LEVEL: 'error',
    NODE_ENV: 'production',
  };
  const { code, stdout, stderr } = await run(process.execPath, [RUNNER], { cwd: FOLDER, env });
  assert.equal(code, 0, `${name}: ${stdout}${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1));
}
