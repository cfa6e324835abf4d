// A backup that is put back: what was revoked since stays revoked, what was made since is revoked, and no
// number comes twice. It has an issuer of its own, since it loses what it is meant to lose.

import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { Key, Model } from './model.mjs';
import { pause, until } from './processes.mjs';
import { Watch, atFolder, atServer } from './watch.mjs';
import { World } from './world.mjs';

const KIND = 'restored backup';

async function made(world, model, reader, count) {
  const keys = [];
  for (let times = 0; times < count; times++) {
    const answer = await world.asAdmin('POST', '/v1/keys', { title: 'torture' }, { timeout: 30_000 });
    if (!answer.done) throw new Error(`no key: ${JSON.stringify(answer.refused ?? answer.uncertain)}`);
    const { key, token } = answer.done;
    await reader.token(world.name, key.id, token);
    keys.push(model.add(new Key({ id: key.id, serial: key.serial, token }, answer.sent, answer.answered)));
  }
  return keys;
}

async function revoked(world, key) {
  const act = key.begin('revoked');
  const answer = await world.asAdmin('POST', `/v1/keys/${key.id}/revoke`, {}, { timeout: 30_000 });
  if (!answer.done) throw new Error(`not revoked: ${JSON.stringify(answer.refused ?? answer.uncertain)}`);
  act.answered = answer.answered;
}

export async function restored(findings, random, reader, round) {
  const world = await World.make(findings, random, { name: `restored ${round}`, servers: 1, megabytes: 64 });
  await reader.site(world.name, { root: world.root, secrets: world.gateKeys.secrets });
  const model = new Model(findings);
  // It is down for as long as that takes.
  world.excuse(Infinity);
  await world.startAll();
  const [server] = world.servers;
  const watch = new Watch(world, model, reader, [atServer(world, server), atFolder(world.out)], { isTimed: false });
  watch.start();
  const early = await made(world, model, reader, 6);
  // Keys of the very second of the last commit are given up, and this may be the last.
  await pause(1100);
  await revoked(world, early[0]);
  const file = join(world.folder, 'backup.pcx');
  const env = { PORTCULLIS_KEY_FILE: join(world.folder, 'backup.key') };
  await writeFile(env.PORTCULLIS_KEY_FILE, 'a key file of the campaign, of 32 bytes at least', { mode: 0o600 });
  // Of the second of the backup's last commit nobody knows what was made before it and what after: all is revoked.
  await pause(1100);
  await world.cli(['backup', file], { env });
  await pause(1100);
  const late = await made(world, model, reader, 4);
  for (const key of [early[1], early[2], late[0]]) await revoked(world, key);
  const since = Date.now();
  await until('the folder carries it', () => watch.floors?.get('folder')?.[2] > since, 60);
  const before = watch.newest;
  await server.kill();
  await rm(world.home, { recursive: true, force: true });
  await world.cli(['restore', file], { env });
  const refused = await world.cli(['keys', 'create', '--title', 'torture'], { code: null });
  findings.check(refused.code !== 0, 'a restored backup that makes keys', { stdout: refused.stdout });
  // Keys of the lost window are to be revoked: by what is put out from now on, and not before.
  const acts = late.map((key) => key.begin('revoked'));
  await world.cli(['recover', '--witness', `dir:${world.out}`]);
  const answered = Date.now();
  acts.forEach((act) => (act.answered = answered));
  findings.fault(KIND);
  await server.start();
  await until('a list after the recovery', () => watch.newest[2] > answered, 60);
  await until('the folder as well', () => watch.floors.get('folder')[2] > answered, 60);
  findings.check(watch.newest[1] > before[1], 'list went back', { before, after: watch.newest });
  await watch.stop();
  await world.stopAll();
}
