// Signals at chosen points: `strace` holds the program at a system call and delivers the signal before the
// call is made. So a server ends between its commit and the disk, between a file and the file's name, or
// between an act and its answer, without anything in the program that is there for tests alone.

import { spawn } from 'node:child_process';

import { isStopped, startedAgain } from './faults.mjs';
import { did, pause } from './processes.mjs';
import { PROMISED_MS } from './world.mjs';

/**
 * By the point's name: the system calls that stand for it. The first is the commit on SQLite and a target's
 * file everywhere, the last the commit on PostgreSQL and every answer.
 */
const POINTS = {
  'before something is on disk': 'fsync,fdatasync',
  'before a file gets its name': 'rename,renameat,renameat2',
  'before something is sent': 'sendto,writev,sendmsg',
};

/** For how long a server is traced in which the call is not made. */
const TRACED_MS = 5000;
/** A traced thread stops for a moment at each call. Only what lasts longer is the signal's doing. */
const STOPPED_MS = 60;

/** Whether this machine lets one process trace another. */
export const canTrace = () => did('strace', ['-qq', '-o', '/dev/null', '-e', 'trace=none', 'true']);

/** Traces a server until `happened`; gives whether it did. The tracer is gone afterwards. */
async function traced({ pid }, { calls, signal, call }, happened) {
  const inject = `inject=${calls}:signal=${signal}:when=${call}`;
  const tracer = spawn('strace', ['-f', '-qq', '-o', '/dev/null', '-e', `trace=${calls}`, '-e', inject, '-p', String(pid)], { stdio: 'ignore' });
  const ended = new Promise((resolve) => tracer.on('close', resolve).on('error', resolve));
  const deadline = performance.now() + TRACED_MS;
  while (!(await happened()) && performance.now() < deadline) await pause(5);
  tracer.kill('SIGTERM');
  await ended;
  return happened();
}

/** Whether a server has been stopped for longer than a tracer stops it. */
function stopped({ pid }) {
  let since = null;
  return async () => {
    if (!(await isStopped(pid))) since = null;
    else since ??= performance.now();
    return since !== null && performance.now() - since > STOPPED_MS;
  };
}

const point = (name, signal, { weight, least, strike }) => ({
  kind: `${signal} ${name}`,
  weight,
  least,
  needs: (world) => world.canTrace,
  why: 'no `strace` that may trace: install Debian\'s package, as root',
  async strike(world) {
    const server = world.random.pick(world.up);
    if (!server) return;
    const of = { calls: POINTS[name], signal, call: 1 + world.random.below(6) };
    await strike(world, server, of, this.kind);
  },
});

const killAt = (name) =>
  point(name, 'SIGKILL', {
    weight: 4,
    least: 2,
    async strike(world, server, of, kind) {
      const { process } = server;
      server.mayEnd = true;
      const ended = await traced(server, of, () => process.exited);
      server.mayEnd = false;
      world.excuse(PROMISED_MS);
      if (!ended) return;
      world.findings.fault(kind);
      await startedAgain(server, world);
    },
  });

const stopAt = (name) =>
  point(name, 'SIGSTOP', {
    weight: 4,
    least: 2,
    async strike(world, server, of, kind) {
      const millis = world.random.chance(0.7) ? world.random.between(50, 1000) : world.random.between(3000, 7000);
      world.excuse(TRACED_MS + millis + PROMISED_MS);
      const { process } = server;
      if (await traced(server, of, stopped(server))) {
        server.isFrozen = true;
        world.findings.fault(kind);
        await pause(millis);
      }
      // Another thread may have got the signal while the tracer went.
      if (server.process === process && server.runs) server.thaw();
      world.excuse(PROMISED_MS);
    },
  });

export const KILLS_AT_POINTS = Object.keys(POINTS).map(killAt);
export const STOPS_AT_POINTS = Object.keys(POINTS).map(stopAt);
