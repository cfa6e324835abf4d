// Faults, each made real and undone again. A fault says what it did, and counts once it has happened.

import { readFile } from 'node:fs/promises';

import { ask } from './http.mjs';
import { pause } from './processes.mjs';
import { PROMISED_MS } from './world.mjs';

/** Whether a process is stopped, as the system tells. */
export async function isStopped(pid) {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return /\) [Tt] /.test(stat);
}

/** A server that was killed runs again, a moment later. */
export async function startedAgain(server, world) {
  world.excuse(PROMISED_MS);
  await pause(world.random.between(0, 800));
  await server.startSoon();
}

async function killed(server, world, kind) {
  await server.kill();
  world.findings.fault(kind);
  await startedAgain(server, world);
}

/** `kill -9` of a server at any moment. */
const killServer = {
  kind: 'SIGKILL of an issuer',
  weight: 6,
  least: 4,
  async strike(world) {
    const candidates = world.servers.filter((server) => server.runs);
    if (candidates.length === 0) return;
    await killed(world.random.pick(candidates), world, this.kind);
  },
};

/** The same of the one that renews the stamps. */
const killLeader = {
  kind: 'SIGKILL of the leader',
  weight: 4,
  least: 2,
  async strike(world) {
    const leader = await world.leader();
    if (leader?.runs) await killed(leader, world, this.kind);
  },
};

/** The same while it has just been asked to revoke: the answer may have been on its way. */
const killInAct = {
  kind: 'SIGKILL in the middle of an act',
  weight: 6,
  least: 4,
  async strike(world, { acts }) {
    const server = world.random.pick(world.up);
    if (!server) return;
    const before = acts.byServer.get(server.index) ?? 0;
    const deadline = performance.now() + 5000;
    // Right behind an answer: what was acknowledged must be there, and another act is most often under way.
    while ((acts.byServer.get(server.index) ?? 0) === before && performance.now() < deadline) await new Promise(setImmediate);
    if (world.random.chance(0.5)) await pause(world.random.between(0, 12));
    await killed(server, world, this.kind);
  },
};

/** All servers at once. */
const killAll = {
  kind: 'SIGKILL of all issuers',
  weight: 2,
  least: 1,
  async strike(world) {
    await Promise.all(world.servers.filter((server) => server.runs).map((server) => server.kill()));
    world.findings.fault(this.kind);
    world.excuse(PROMISED_MS);
    await pause(world.random.between(0, 500));
    await Promise.all(world.servers.map((server) => (server.runs ? undefined : server.startSoon())));
  },
};

async function frozen(server, world, kind, millis) {
  server.freeze();
  world.excuse(millis + PROMISED_MS);
  await pause(20);
  if (!(await isStopped(server.pid))) return;
  world.findings.fault(kind);
  await pause(millis);
  server.thaw();
}

/** `SIGSTOP` of a server, for a moment or for longer than a lease. */
const stopServer = {
  kind: 'SIGSTOP of an issuer',
  weight: 5,
  least: 2,
  async strike(world) {
    const server = world.random.pick(world.up);
    if (!server) return;
    await frozen(server, world, this.kind, world.random.chance(0.7) ? world.random.between(50, 1000) : world.random.between(3000, 7000));
  },
};

const stopLeader = {
  kind: 'SIGSTOP of the leader',
  weight: 3,
  least: 1,
  async strike(world) {
    const leader = await world.leader();
    if (leader?.runs && !leader.isFrozen) await frozen(leader, world, this.kind, world.random.between(500, 6000));
  },
};

/** Where a stamp says which list it is of, and when it was signed. */
const markOf = (stamp) => [stamp.readUInt32BE(22), stamp.readBigUInt64BE(26), stamp.readBigUInt64BE(34)];

async function stampOf(world) {
  const server = world.random.pick(world.up);
  if (!server) return undefined;
  const { status, body } = await ask(`${server.url}/.well-known/portcullis/stamp`, { agent: world.agent, timeout: 3000 }).catch(() => ({}));
  return status === 200 ? { server: server.index, mark: markOf(body) } : undefined;
}

const isEarlier = (one, other) => {
  const at = one.findIndex((value, index) => value !== other[index]);
  return at >= 0 && one[at] < other[at];
};

/**
 * Stops a server that has just been asked for a revocation, in the middle of publishing it perhaps, until
 * the others have published something newer. When it wakes up, what is out must not go back.
 */
const stopInPublication = {
  kind: 'SIGSTOP in the middle of a publication',
  weight: 5,
  least: 10,
  async strike(world, { acts }) {
    for (let times = 0; times < 10; times++) {
      const server = await acts.nextRevocation();
      if (!server?.runs) continue;
      await pause(world.random.between(0, 14));
      server.freeze();
      world.excuse(1000 + PROMISED_MS);
      await pause(world.random.between(100, 350));
      if (server.runs && (await isStopped(server.pid))) world.findings.fault(this.kind);
      acts.still = true;
      const before = await stampOf(world);
      server.thaw();
      const ends = performance.now() + 200;
      while (before && performance.now() < ends) {
        const after = await stampOf(world);
        const told = () => ({ before: before.mark.map(String), after: after.mark.map(String), server: after.server, frozen: server.index });
        if (after) world.findings.check(!isEarlier(after.mark, before.mark), 'list went back', isEarlier(after.mark, before.mark) ? told() : {});
      }
      acts.still = false;
    }
  },
};

export const KILLS = [killServer, killLeader, killInAct, killAll];
export const STOPS = [stopServer, stopLeader, stopInPublication];
