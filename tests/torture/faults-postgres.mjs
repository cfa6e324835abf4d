// What happens to PostgreSQL, and to the wire between it and one issuer.

import { pause } from './processes.mjs';
import { signal } from './postgres.mjs';
import { PROMISED_MS } from './world.mjs';

const killDatabase = {
  kind: 'SIGKILL of the database',
  weight: 3,
  least: 1,
  async strike(world) {
    await world.postgres.kill();
    world.findings.fault(this.kind);
    await pause(world.random.between(0, 2000));
    await world.postgres.begin();
    world.excuse(PROMISED_MS);
  },
};

/** One session's process: PostgreSQL ends all others too, and recovers. */
const killSession = {
  kind: 'SIGKILL of a session of the database',
  weight: 3,
  least: 1,
  async strike(world) {
    const sessions = await world.postgres.sessions();
    if (sessions.length === 0) return;
    world.excuse(PROMISED_MS);
    if (signal(world.random.pick(sessions).pid, 'SIGKILL')) world.findings.fault(this.kind);
    await pause(300);
    world.excuse(PROMISED_MS);
  },
};

async function frozen(world, pids, kind, millis) {
  world.excuse(millis + PROMISED_MS);
  const stopped = pids.filter((pid) => signal(pid, 'SIGSTOP'));
  if (stopped.length > 0) world.findings.fault(kind);
  await pause(millis);
  for (const pid of stopped) signal(pid, 'SIGCONT');
}

const stopDatabase = {
  kind: 'SIGSTOP of the database',
  weight: 2,
  least: 1,
  async strike(world) {
    await frozen(world, await world.postgres.processes(), this.kind, world.random.between(300, 6000));
  },
};

const stopSession = {
  kind: 'SIGSTOP of a session of the database',
  weight: 3,
  least: 1,
  async strike(world) {
    const sessions = await world.postgres.sessions();
    const busy = sessions.filter(({ title }) => !/ idle$/.test(title.trim()));
    const of = world.random.pick(busy.length > 0 ? busy : sessions);
    if (of) await frozen(world, [of.pid], this.kind, world.random.between(200, 5000));
  },
};

const wireOf = (world) => world.random.pick([...world.postgres.wires.values()]);

const cut = {
  kind: 'network to the database cut',
  weight: 2,
  least: 1,
  async strike(world) {
    const wire = wireOf(world);
    const millis = world.random.between(500, 8000);
    world.excuse(millis + PROMISED_MS);
    if (wire.cut() > 0) world.findings.fault(this.kind);
    await pause(millis);
    wire.mend();
  },
};

const slow = {
  kind: 'network to the database slow',
  weight: 2,
  least: 1,
  async strike(world) {
    const wire = wireOf(world);
    const before = wire.carried;
    world.excuse(6000 + PROMISED_MS);
    wire.delay = world.random.between(20, 400);
    await pause(world.random.between(1000, 6000));
    wire.mend();
    if (wire.carried > before) world.findings.fault(this.kind);
  },
};

const reset = {
  kind: 'connections to the database reset',
  weight: 2,
  least: 1,
  async strike(world) {
    world.excuse(PROMISED_MS);
    if (wireOf(world).reset() > 0) world.findings.fault(this.kind);
    await pause(200);
  },
};

const linkDown = (kind, { silently }) => ({
  kind,
  weight: 2,
  least: 1,
  needs: (world) => world.postgres.link,
  why: 'no network namespaces: they take Debian\'s `iproute2`, and root',
  async strike(world) {
    const { link } = world.postgres;
    // Longer, now and then, than any timer of a connection.
    const millis = world.random.chance(0.8) ? world.random.between(500, 8000) : world.random.between(12_000, 20_000);
    const [sessions, isDown] = [await world.postgres.sessionsOf(link), await link.down({ silently })];
    world.excuse(millis + PROMISED_MS);
    if (isDown && sessions.length > 0) world.findings.fault(this.kind);
    await pause(millis);
    await link.up();
    world.excuse(PROMISED_MS);
  },
});

export const POSTGRES_FAULTS = [
  ...[killDatabase, killSession, stopDatabase, stopSession, cut, slow, reset],
  linkDown('link to the database down', { silently: false }),
  linkDown('packets to the database lost', { silently: true }),
];
