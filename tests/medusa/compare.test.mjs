// Medusa's own API Key Module and `portcullis/medusa`, by the same calls.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { run } from '../e2e/support/processes.mjs';
import { database, issuerFor, since } from './support.mjs';

const folder = fileURLToPath(new URL('.', import.meta.url));
const DOCS = new URL('../../docs/medusa.md', import.meta.url);

async function outcomes(name, MODULE, options) {
  const env = {
    DATABASE_URL: await database(name),
    MODULE,
    OPTIONS: JSON.stringify(options),
    MEDUSA_DISABLE_TELEMETRY: 'true',
    LOG_LEVEL: 'error',
  };
  const { code, stdout, stderr } = await run(process.execPath, ['compare-run.mjs'], { cwd: folder, env });
  assert.equal(code, 0, stdout + stderr);
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

/** The rows of the tables below the heading that are about this Medusa: their first three cells. */
function rows(text) {
  const [ever, ...before] = text.split('\n## Where the rules differ\n')[1].split('\n## ')[0].split('\n### ');
  const applies = (part) => !since(part.match(/^With Medusa before (\S+)\n/)[1]);
  return [ever, ...before.filter(applies)].flatMap(rowsOf);
}

function rowsOf(table) {
  const lines = table.split('\n').filter((line) => line.startsWith('| ')).slice(1);
  return lines.map((line) => line.split(' | ').slice(0, 3).map((cell) => cell.replace(/^\| /, '').trim()));
}

const cell = (outcome) => (outcome.includes('`') ? `\`\` ${outcome} \`\`` : `\`${outcome}\``).replaceAll('|', '\\|');

test('what differs is what docs/medusa.md says', async () => {
  const [theirs, ours] = await Promise.all([
    outcomes('theirs', '@medusajs/medusa/api-key', {}),
    issuerFor().then((issuer) => outcomes('ours', 'portcullis/medusa', issuer.options)),
  ]);
  assert.deepEqual(Object.keys(ours), Object.keys(theirs));
  const different = Object.keys(theirs).filter((name) => theirs[name] !== ours[name]);
  const found = different.map((name) => [name, cell(theirs[name]), cell(ours[name])]);
  const told = rows(await readFile(DOCS, 'utf8'));
  const byName = (rows) => rows.toSorted(([one], [other]) => Object.keys(ours).indexOf(one) - Object.keys(ours).indexOf(other));
  assert.deepEqual(byName(told), found, `the table of docs/medusa.md would be:\n${found.map((row) => `| ${row.join(' | ')} | |`).join('\n')}`);
});
