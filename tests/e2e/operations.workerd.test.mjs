// docs/operations is true: the commands of its pages are run, in the set-up that the pages assume.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';

import { drill, stage } from './support/drill.mjs';
import { listen, read, reply, startRelay } from './support/http.mjs';
import { portcullis } from './support/issuer.mjs';
import { atEnd, handedOver, run, start, temporaryFolder, until } from './support/processes.mjs';

const HOME = '/var/lib/portcullis';

const LIBFAKETIME = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib']
  .map((folder) => `${folder}/faketime/libfaketime.so.1`)
  .find(existsSync);

/** An authority, and a certificate of localhost by it that is valid for a day from $1 on. */
const CERTIFICATE = `
[ -e ca.pem ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem \
  -subj /CN=authority -days 30 2> log
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out request.pem -subj /CN=localhost 2>> log
printf 'subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n' > extensions
faketime "$1" openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 -out cert.pem \
  -extfile extensions 2>> log`;

/** Why a test is left out where a program is missing; nothing in continuous integration, where it then fails. */
function without(program) {
  const there = spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
  return there || process.env.CI ? undefined : `LEFT OUT: there is no ${program} here`;
}

/** In continuous integration, where nothing is left out: says what to install instead of failing later, and elsewhere. */
function needs(program, debian = program) {
  const there = spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
  assert.ok(there, `there is no ${program} here; install Debian's package "${debian}"`);
}

/** Storage that speaks as much of S3 as a target asks for, over TLS; `use` gives it another certificate. */
async function startStorage(certificate) {
  const objects = new Map();
  const etag = (body) => `"${createHash('md5').update(body).digest('hex')}"`;
  const server = createServer(certificate, async (incoming, outgoing) => {
    const body = await read(incoming);
    const name = new URL(incoming.url, 'https://storage').pathname;
    const held = objects.get(name);
    if (incoming.method === 'PUT') {
      const { 'if-match': match, 'if-none-match': none } = incoming.headers;
      const fits = (match === undefined || (held && etag(held) === match)) && (none === undefined || !held);
      if (fits) objects.set(name, body);
      return reply(outgoing, fits ? { sent: { etag: etag(body) } } : { status: 412 });
    }
    const sent = held && { etag: etag(held), 'content-length': String(held.length), 'last-modified': new Date().toUTCString() };
    reply(outgoing, held ? { sent, body: incoming.method === 'HEAD' ? undefined : held } : { status: 404 });
  });
  const sockets = new Set();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const hangUp = () => sockets.forEach((socket) => socket.destroy());
  atEnd(() => {
    server.close();
    hangUp();
  });
  const use = (certificate) => {
    server.setSecureContext(certificate);
    hangUp();
  };
  return { url: `https://localhost:${server.address().port}`, objects, use };
}

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
async function startMirror(where) {
  return listen(async (incoming, outgoing) => {
    const name = new URL(incoming.url, 'http://mirror').pathname.replace('/.well-known/portcullis/', '');
    const body = await readFile(join(where(), name)).catch(() => undefined);
    reply(outgoing, body ? { body } : { status: 404 });
  });
}

test('root stolen', async () => {
  const forged = join(await temporaryFolder(), 'list');
  const mirror = await startMirror(() => forged);
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
  const mirror = await startMirror(() => forged);
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

test('region cut off', async () => {
  const relay = await startRelay();
  const list = { folder: undefined };
  const mirror = await startMirror(() => list.folder);
  const on = await stage({ valid: '15s', relay, places: { 'https://mirror.example.com': mirror.url } });
  list.folder = on.paths['/srv/list'];
  await drill('region-cut-off', on, {
    'the way to the issuer is cut': () => {
      relay.answer = relay.down;
    },
  });
});

test('certificate expired', { skip: without('faketime') ?? without('openssl') }, async () => {
  needs('faketime');
  needs('openssl');
  const folder = await temporaryFolder();
  const certify = async (when) => {
    const made = await run('sh', ['-e', '-c', CERTIFICATE, 'sh', when], { cwd: folder });
    assert.equal(made.code, 0, made.stderr);
    const [key, cert] = await Promise.all(['key.pem', 'cert.pem'].map((name) => readFile(join(folder, name))));
    return { key, cert };
  };
  const storage = await startStorage(await certify('now'));
  const target = `s3://list,endpoint=${storage.url},region=auto,every=1s`;
  const on = await stage({
    places: { 'storage.example.com:443': new URL(storage.url).host, 'https://storage.example.com': storage.url },
    env: {
      SSL_CERT_FILE: join(folder, 'ca.pem'),
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      PORTCULLIS_TARGETS: `dir:/srv/list ${target}`,
    },
  });
  await until('the storage has the list', () => storage.objects.has('/list/stamp'));
  await drill('certificate-expired', on, {
    'the certificate expires': async () => storage.use(await certify('3 days ago')),
    'the certificate is renewed': async () => storage.use(await certify('now')),
  });
});

test('clock wrong', { skip: LIBFAKETIME ? undefined : 'LEFT OUT: there is no libfaketime here' }, async () => {
  const file = join(await temporaryFolder(), 'clock');
  const set = (offset) => writeFile(file, offset);
  await set('+0');
  const wrap = {
    LD_PRELOAD: LIBFAKETIME,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    FAKETIME_NO_CACHE: '1',
  };
  const on = await stage({ wrap });
  await drill('clock-wrong', on, {
    'the clock is set ahead': () => set('+2h'),
    'the clock is set right': () => set('+0'),
    'the clock is ahead, and somebody trusts it': () => set('+2h'),
    'it is set right again': () => set('+0'),
  });
});

test('disk full', async (context) => {
  const disk = await temporaryFolder();
  const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'tmpfs', disk]);
  if (mounted.code !== 0) return context.skip('LEFT OUT: no file system can be mounted here; it takes root');
  atEnd(() => run('umount', ['-l', disk]));
  const on = await stage({ home: join(disk, 'home') });
  await drill('disk-full', on, {
    'the disk fills up': async () => {
      const file = await open(join(on.paths[HOME], 'core.1234'), 'a');
      for (const size of [1 << 20, 1 << 16, 1 << 12]) {
        for (;;) {
          const { bytesWritten } = await file.write(Buffer.alloc(size)).catch(() => ({ bytesWritten: 0 }));
          if (bytesWritten < size) break;
        }
      }
      await file.close();
    },
  });
});

/** The page has 100,000 of them, which takes minutes in a development build. */
const KEYS = Number(process.env.PORTCULLIS_DRILL_KEYS ?? 10_000);

test('many keys leaked', { timeout: 900_000 }, async () => {
  const on = await stage({ places: { '100,000': KEYS.toLocaleString('en'), 100000: String(KEYS) } });
  on.patience = KEYS / 10_000;
  await on.quietly(`portcullis keys create --title 'Device {n}' --count ${KEYS} --format csv > made.csv`);
  await drill('many-keys-leaked', on, {
    'a file with keys is found': async (names) => {
      // Titles and texts: who leaks keys does not leak their ids beside them.
      const lines = await on.quietly("cut -d, -f2,3 made.csv > leaked.csv; rm made.csv; sed -n '5000p' leaked.csv");
      names.set('leaked-key', lines[0].split(',')[0]);
    },
  });
});

/** A new database on the server that the environment names. */
async function newDatabase() {
  const server = process.env.PORTCULLIS_TEST_POSTGRES;
  const name = `portcullis_drill_${process.pid}`;
  const made = await run('psql', ['-q', `${server}postgres`, '-c', `CREATE DATABASE ${name}`]);
  assert.equal(made.code, 0, made.stderr);
  return { url: `${server}${name}`, place: new URL(`${server}${name}`) };
}

const withoutPostgres = () =>
  process.env.PORTCULLIS_TEST_POSTGRES || process.env.CI ? without('psql') : 'LEFT OUT: PORTCULLIS_TEST_POSTGRES names no server';

test('moving to PostgreSQL', { skip: withoutPostgres() }, async () => {
  const { url, place } = await newDatabase();
  const on = await stage({
    places: {
      'postgres://portcullis@db.internal/portcullis?sslmode=verify-full': url,
      'postgres://db.internal:5432/portcullis': `postgres://${place.host}${place.pathname}`,
    },
  });
  await drill('moving-to-postgresql', on);
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

