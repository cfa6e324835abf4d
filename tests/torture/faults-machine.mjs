// What happens to the machine: disks that are full or can't be written to, descriptors that are gone,
// clocks that are set, targets and receivers that are broken.

import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { closeSync, openSync, writeSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';

import { ask } from './http.mjs';
import { did, pause, until } from './processes.mjs';
import { STORE_FAULTS } from './stores.mjs';
import { PROMISED_MS } from './world.mjs';

/** Writes until there is no room left at all; says whether the system said so. */
function fill(disk) {
  const file = openSync(join(disk, 'filler'), 'a');
  let isFull = false;
  for (const size of [1 << 20, 1 << 16, 1 << 12, 1]) {
    const chunk = Buffer.alloc(size);
    try {
      while (writeSync(file, chunk) > 0);
    } catch (error) {
      if (error.code !== 'ENOSPC') throw error;
      isFull = true;
    }
  }
  closeSync(file);
  return isFull;
}

async function full(world, disk, kind) {
  const millis = world.random.between(1500, 5000);
  world.excuse(millis + PROMISED_MS);
  const ends = performance.now() + millis;
  try {
    if (fill(disk)) world.findings.fault(kind);
    // Whatever is given up is taken by somebody else at once.
    while (performance.now() < ends) {
      await pause(200);
      fill(disk);
    }
  } finally {
    await rm(join(disk, 'filler'));
  }
}

const fullRecords = {
  kind: 'disk of the records full',
  weight: 3,
  least: 1,
  needs: (world) => world.disk && !world.postgres,
  why: 'it takes root, to mount a small file system',
  ofOtherDatabase: (world) => world.postgres,
  strike(world) {
    return full(world, world.disk, this.kind);
  },
};

const fullTarget = {
  kind: 'disk of a target full',
  weight: 2,
  least: 1,
  needs: (world) => world.outDisk,
  why: 'it takes root, to mount a small file system',
  strike(world) {
    return full(world, world.outDisk, this.kind);
  },
};

const readOnly = {
  kind: 'folder of a target read-only',
  weight: 2,
  least: 1,
  needs: (world) => world.outDisk,
  why: 'it takes root: who owns a folder may write to it again',
  async strike(world) {
    const millis = world.random.between(1000, 4000);
    world.excuse(millis + PROMISED_MS);
    const made = () => did('mount', ['-o', 'remount,ro', world.outDisk]);
    // A file that is being written keeps it from being made so.
    for (let tries = 0; tries < 200 && !(await made()); tries++) await pause(10);
    const refused = await writeFile(join(world.out, '.probe'), '').then(() => false, (error) => error.code === 'EROFS');
    if (refused) world.findings.fault(this.kind);
    await pause(millis);
    await until('the folder can be written again', () => did('mount', ['-o', 'remount,rw', world.outDisk]), 30);
  },
};

const noDescriptors = {
  kind: 'file descriptors gone',
  weight: 2,
  least: 1,
  needs: () => process.platform === 'linux',
  why: 'prlimit is there on Linux alone',
  async strike(world) {
    const server = world.random.pick(world.up);
    if (!server) return;
    const { pid } = server;
    const held = async () => (await readdir(`/proc/${pid}/fd`).catch(() => [])).length;
    const limits = await readFile(`/proc/${pid}/limits`, 'utf8').catch(() => '');
    const [, before, most] = /Max open files\s+(\d+)\s+(\d+)/.exec(limits) ?? [];
    if (!before) return;
    const millis = world.random.between(1500, 4000);
    world.excuse(millis + PROMISED_MS);
    const least = Math.max(3, (await held()) - 2);
    const limit = (soft) => did('prlimit', ['--pid', String(pid), `--nofile=${soft}:${most}`]);
    if (!(await limit(least))) return;
    // Those who come now take whatever has become free.
    const idle = Array.from({ length: 20 }, () => connect(server.port, '127.0.0.1').on('error', () => {}));
    await pause(100);
    if ((await held()) >= least) world.findings.fault(this.kind);
    await pause(millis);
    await limit(before);
    for (const socket of idle) socket.destroy();
  },
};

/** By how much: more than the minute that heals by itself, both ways. */
const OFFSETS = ['+90', '+2m', '+1h', '+1d', '+9y', '-15', '-2m', '-1h', '-30d'];

const clock = {
  kind: 'clock of an issuer set',
  weight: 3,
  least: 2,
  needs: (world) => world.faketime,
  why: 'there is no libfaketime: install Debian\'s package `faketime`',
  async strike(world) {
    const server = world.servers.find((one) => one.clock);
    const works = () => server.runs && !server.isFrozen;
    if (!(await until('the server works', works, 30).catch(() => false))) return;
    const millis = world.random.between(1000, 5000);
    world.excuse(millis + PROMISED_MS);
    const offset = world.random.pick(OFFSETS);
    const behind = { from: Date.now(), to: Infinity };
    if (offset.startsWith('-')) world.behind.push(behind);
    await writeFile(server.clock, offset);
    // Its own clock stands in each of its answers.
    const told = async () => {
      const { headers } = await ask(`${server.url}/health/live`, { timeout: 2000 });
      return Math.abs(Date.parse(headers.date) - Date.now()) > 10_000;
    };
    const isSet = await until('its clock is set', () => told().catch(() => false), 10, 100).catch(() => false);
    if (isSet) world.findings.fault(this.kind);
    await pause(millis);
    await writeFile(server.clock, '+0');
    // What it was at by then is over within a deadline of its database.
    behind.to = Date.now() + PROMISED_MS;
    world.excuse(PROMISED_MS);
  },
};

const store = (fault, weight) => ({
  kind: `target that ${fault}`,
  weight,
  least: 1,
  needs: (world) => world.stores,
  why: 'no such targets',
  async strike(world) {
    const of = world.random.pick(world.stores);
    const before = of.hit;
    of.fault = fault;
    const most = performance.now() + 20_000;
    // Until it was asked for something, and a little longer.
    while (of.hit === before && performance.now() < most) await pause(50);
    if (of.hit > before) world.findings.fault(this.kind);
    await pause(world.random.between(300, 2500));
    of.fault = null;
  },
});

const receiver = {
  kind: 'webhook receiver broken',
  weight: 2,
  least: 1,
  needs: (world) => world.receiver,
  why: 'no receiver',
  async strike(world) {
    const of = world.receiver;
    const before = of.hit;
    of.fault = world.random.pick(['hangs', 'fails', 'never ends']);
    const most = performance.now() + 20_000;
    while (of.hit === before && performance.now() < most) await pause(50);
    if (of.hit > before) world.findings.fault(this.kind);
    await pause(world.random.between(300, 2500));
    of.fault = null;
  },
};

const killGate = {
  kind: 'SIGKILL of a gate',
  weight: 2,
  least: 1,
  needs: () => true,
  async strike(world, { gates, model }) {
    const gate = world.random.pick(gates.gates.filter((one) => one.process));
    gate.life = (gate.life ?? 0) + 1;
    gate.pausing = true;
    // It knows nothing of what it has refused before, and its floor is gone.
    for (const key of model.keys.values()) key.refusedBy.delete(gate.name);
    await gate.restart();
    for (const key of model.keys.values()) key.refusedBy.delete(gate.name);
    gate.life += 1;
    gate.pausing = false;
    world.findings.fault(this.kind);
  },
};

export const MACHINE_FAULTS = [fullRecords, fullTarget, readOnly, noDescriptors, clock];

export const OUTER_FAULTS = [
  ...[receiver, killGate],
  ...Object.keys(STORE_FAULTS).map((fault) => store(fault, 1)),
];
