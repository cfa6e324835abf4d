// docs/operations is true: what its pages tell to type is typed, on the stage that they assume.

import assert from 'node:assert/strict';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { drill, stage } from './support/drill.mjs';
import { listen, reply } from './support/http.mjs';
import { portcullis } from './support/issuer.mjs';
import { handedOver, start, temporaryFolder, until } from './support/processes.mjs';

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

/** Backs the issuer up, with a key file on the stick. */
async function backUp(on) {
  await writeFile(join(on.paths['/media/root'], 'backup.key'), 'k'.repeat(64), { mode: 0o600 });
  await on.quietly('PORTCULLIS_KEY_FILE=/media/root/backup.key portcullis backup /var/backups/issuer.pcx');
}

test('gate secrets stolen', async () => {
  const on = await stage();
  await drill('gate-secrets-stolen', on, {
    'a thief makes a key': async (names) => {
      const { cli } = await thief(on);
      const { token } = await cli(['keys', 'create', '--title', 'forged']);
      names.set('forged-key', token);
    },
  });
});

test('database lost', async () => {
  const on = await stage({ valid: '20s' });
  const revoked = await on.create('Old till');
  on.names.set('revoked', revoked.id).set('revoked-key', revoked.token);
  await backUp(on);
  await on.cli(['keys', 'revoke', revoked.id]);
  const lost = await on.create('Made since');
  on.names.set('lost', lost.id).set('lost-key', lost.token);
  await drill('database-lost', on, {
    'the database is lost': async () => {
      await until('the folder has the list', async () => (await on.gate.ask(revoked.token)).status === 401);
      for (const name of ['issuer.db', 'issuer.db-wal', 'issuer.db-shm']) {
        await rm(join(on.paths[HOME], name), { force: true });
      }
    },
  });
});

test('root lost', async () => {
  const on = await stage();
  await drill('root-lost', on, {
    'the root key is lost': () => rm(join(on.paths['/media/root'], 'root.key')),
  });
});

/** A mirror that serves a folder in which a target was put out. */
async function startMirror(folder) {
  return listen(async (incoming, outgoing) => {
    const name = new URL(incoming.url, 'http://mirror').pathname.replace('/.well-known/portcullis/', '');
    const body = await readFile(join(folder, name)).catch(() => undefined);
    reply(outgoing, body ? { body } : { status: 404 });
  });
}

test('root stolen', async () => {
  const forged = join(await temporaryFolder(), 'list');
  const mirror = await startMirror(forged);
  const on = await stage({ gate: { MIRROR_URLS: mirror.url } });
  await drill('root-stolen', on, {
    'a thief signs a keyring, and a mirror serves it': async (names) => {
      const { home, cli } = await thief(on);
      await cp(join(on.paths['/media/root'], 'root.key'), join(home, 'root.key'));
      await cli(['keyring', 'rotate', '--purpose', 'token', '--algorithm', 'ed25519', '--now']);
      const { token } = await cli(['keys', 'create', '--title', 'forged', '--algorithm', 'ed25519']);
      names.set('forged-key', token);
      // A later list than the issuer's: its own beats only renew the stamp.
      const { key } = await cli(['keys', 'create', '--title', 'x']);
      await cli(['keys', 'revoke', key.id]);
      const bundle = join(on.folder, 'thiefs.bundle');
      await cli(['bundle', '--out', bundle]);
      names.set('thiefs-bundle', bundle);
      await start(handedOver('PORTCULLIS_BIN'), ['--home', home, '--target', `dir:${forged}`, 'serve', '--listen', '127.0.0.1:0'], {
        ready: (told) => (told.includes('listening on') ? true : undefined),
      });
    },
  });
});

test('list key leaked', async () => {
  const forged = join(await temporaryFolder(), 'list');
  const mirror = await startMirror(forged);
  const on = await stage({ gate: { MIRROR_URLS: mirror.url } });
  const revoked = await on.create('Old till');
  on.names.set('revoked', revoked.id).set('revoked-key', revoked.token);
  await drill('list-key-leaked', on, {
    'a thief signs a list, and a mirror serves it': async () => {
      const { home, cli } = await thief(on);
      await on.cli(['keys', 'revoke', revoked.id]);
      await until('the gate refuses the key', async () => (await on.gate.ask(revoked.token)).status === 401);
      for (let turn = 0; turn < 3; turn++) {
        const { key } = await cli(['keys', 'create', '--title', 'x']);
        await cli(['keys', 'revoke', key.id]);
      }
      await start(handedOver('PORTCULLIS_BIN'), ['--home', home, '--target', `dir:${forged}`, 'serve', '--listen', '127.0.0.1:0'], {
        ready: (told) => (told.includes('listening on') ? true : undefined),
      });
    },
  });
});
