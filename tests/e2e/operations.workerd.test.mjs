// docs/operations is true: what its pages tell to type is typed, on the stage that they assume.

import assert from 'node:assert/strict';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { drill, stage } from './support/drill.mjs';
import { portcullis } from './support/issuer.mjs';
import { until } from './support/processes.mjs';

const HOME = '/var/lib/portcullis';

/** What a thief has who copied the issuer's folder: an issuer of the same keys, with records of its own. */
async function thief(on) {
  const home = join(on.folder, 'thief');
  await cp(on.paths[HOME], home, { recursive: true });
  return { home, cli: (args, options) => portcullis(home, args, options) };
}

test('keystore lost', async () => {
  const on = await stage();
  await writeFile(join(on.paths['/media/root'], 'backup.key'), 'k'.repeat(64), { mode: 0o600 });
  await on.quietly('PORTCULLIS_KEY_FILE=/media/root/backup.key portcullis backup /var/backups/issuer.pcx');
  await drill('keystore-lost', on, {
    'the keystore is lost': () => rm(join(on.paths[HOME], 'keystore.json')),
  });
});

test('admin key stolen', async () => {
  const on = await stage();
  const stolen = await on.create('Deploy pipeline', '--admin', '--scope', '*');
  on.names.set('stolen', stolen.id).set('stolen-key', stolen.token);
  await drill('admin-key-stolen', on, {
    'a thief uses an admin key': async (names) => {
      const as = (token) => async (path, body) => {
        const response = await fetch(`${on.issuerUrl}/v1${path}`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body: JSON.stringify(body),
        });
        assert.ok(response.ok, await response.clone().text());
        return response.json();
      };
      const second = await as(stolen.token)('/admins', { title: 'Pipeline 2', scopes: ['*'] });
      names.set('second', second.key.id).set('second-key', second.token);
      await as(stolen.token)('/webhooks', { url: 'https://thief.example/', types: ['api-key.created'] });
      await as(stolen.token)(`/keys/${names.get('orders')}/suspend`, { by: 'alice' });
      const made = await as(second.token)('/keys', { title: 'Backup job' });
      names.set('thiefs', made.key.id).set('thiefs-key', made.token);
      await until('the gate takes the key', async () => (await on.gate.ask(made.token)).status === 200);
    },
  });
});

test('token key leaked', async () => {
  const on = await stage();
  await drill('token-key-leaked', on, {
    'a thief makes a key': async (names) => {
      const { cli } = await thief(on);
      const { token } = await cli(['keys', 'create', '--title', 'forged']);
      names.set('forged-key', token);
    },
  });
});

test('each page is a drill, and stands in the table', async () => {
  const folder = new URL('../../docs/operations/', import.meta.url);
  const pages = (await readdir(folder)).filter((name) => name.endsWith('.md'));
  const table = await readFile(new URL('../operations.md', folder), 'utf8');
  const tests = await readFile(new URL(import.meta.url), 'utf8');
  for (const page of pages) {
    assert.ok(table.includes(`(operations/${page})`), `docs/operations.md does not name ${page}`);
    assert.ok(tests.includes(`drill('${page.replace('.md', '')}',`), `nobody drills ${page}`);
    const text = await readFile(new URL(page, folder), 'utf8');
    for (const part of ['What one sees', 'What to type', 'How one knows that it is over', 'What stays open']) {
      assert.ok(text.includes(`\n## ${part}\n`), `${page} has no "${part}"`);
    }
  }
});
