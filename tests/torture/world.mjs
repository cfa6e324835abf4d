// An issuer: its folder, its database, several servers, and what an admin may ask of them.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { askJson, keptAlive } from './http.mjs';
import { atEnd, did, freePort, handedOver, run, start, temporaryFolder } from './processes.mjs';

export const VALID_FOR_MS = 12_000;
export const STAMP_EVERY_MS = 250;
/** What docs/issuer-publishing.md promises: after so long the others publish again, whatever one of them does. */
export const PROMISED_MS = 20_000;

/** A file system of our own, where that can be had: it can be full, and it can be read alone. */
export async function ownDisk(path, megabytes) {
  await mkdir(path, { recursive: true });
  const options = `size=${megabytes}m,mode=0777`;
  const mounted = process.platform === 'linux' && (await did('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path]));
  if (mounted) atEnd(() => did('umount', ['-l', path]));
  return mounted;
}

const KEYS_OF_TARGETS = { CLOUDFLARE_API_TOKEN: 'test', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };

export class World {
  /** `database` is `sqlite`, or a PostgreSQL of our own. */
  static async make(findings, random, { name = 'main', servers = 3, postgres, megabytes = 96, faketime, canTrace, stores, receiver } = {}) {
    const world = new World();
    const folder = await temporaryFolder();
    Object.assign(world, { findings, random, name, postgres, folder, faketime, canTrace, stores, receiver, servers: [], behind: [], excusedUntil: 0, faults: new Set() });
    world.disk = (await ownDisk(join(folder, 'disk'), megabytes)) ? join(folder, 'disk') : null;
    world.home = join(world.disk ?? folder, 'issuer');
    world.out = join(folder, 'out', 'list');
    world.outDisk = (await ownDisk(join(folder, 'out'), 64)) ? join(folder, 'out') : null;
    await mkdir(world.out, { recursive: true });
    world.targets = [`dir:${world.out},every=${STAMP_EVERY_MS}ms`, ...(stores ?? []).map((store) => store.target)];
    world.agent = keptAlive();
    const made = await world.cli(['init']);
    Object.assign(world, { root: made.root, issuer: made.issuer, admin: made.admin_key });
    world.gateKeys = await world.cli(['keyring', 'export', '--gate']);
    for (let index = 0; index < servers; index++) world.servers.push(await Server.make(world, index));
    return world;
  }

  /** How the program finds its database, for everything but the servers, which may have a wire of their own. */
  environment(server) {
    const url = this.postgres?.url(server);
    return { PORTCULLIS_HOME: this.home, ...KEYS_OF_TARGETS, ...(url ? { DATABASE_URL: url } : {}) };
  }

  /** Runs a command; gives what it printed as JSON. */
  async cli(args, { code = 0, env = {} } = {}) {
    const result = await run(handedOver('PORTCULLIS_BIN'), ['--json', ...args], { env: { ...this.environment(), ...env } });
    if (code !== null && result.code !== code) {
      throw new Error(`portcullis ${args.join(' ')}: exit ${result.code}\n${result.stdout}${result.stderr}`);
    }
    const text = result.stdout.trim();
    return code === null ? result : text ? JSON.parse(text) : undefined;
  }

  get up() {
    return this.servers.filter((server) => server.runs && !server.isFrozen);
  }

  /** A server to ask: most often one that is known to work, as a client that tries again would find. */
  someServer() {
    const known = this.random.chance(0.9) ? this.up : this.servers;
    return this.random.pick(known.length > 0 ? known : this.servers);
  }

  /** Asks as an admin; `{ done }`, `{ refused: problem }`, or `{ uncertain }` where nothing is known. */
  async asAdmin(method, path, body, { server = this.someServer(), timeout = 5000 } = {}) {
    const headers = { authorization: `Bearer ${this.admin}` };
    const sent = Date.now();
    try {
      const { status, json } = await askJson(server.url + path, { method, headers, body, agent: this.agent, timeout });
      const of = { sent, answered: Date.now(), server };
      if (status < 300) return { ...of, done: json };
      // A server that can't say whether it did it answers with 500 and above.
      return status < 500 ? { ...of, refused: { status, ...json } } : { ...of, uncertain: json?.code ?? status, status };
    } catch (error) {
      return { sent, answered: Date.now(), server, uncertain: error.message };
    }
  }

  /** For so long what is late has an excuse. */
  excuse(millis) {
    this.excusedUntil = Math.max(this.excusedUntil, Date.now() + millis);
  }

  /**
   * By when all that a list says may have been sent. An issuer whose clock is behind dates a list right after
   * the one before it, so that its date may lie before acts that it has.
   */
  datedUntil(thisUpdate) {
    const wasBehind = this.behind.some(({ from, to }) => from - PROMISED_MS <= thisUpdate && thisUpdate <= to);
    return thisUpdate + (wasBehind ? PROMISED_MS : 0);
  }

  get isCalm() {
    return this.faults.size === 0 && Date.now() > this.excusedUntil;
  }

  async startAll() {
    await Promise.all(this.servers.map((server) => server.start()));
  }

  async stopAll() {
    await Promise.all(this.servers.map((server) => server.stop()));
  }

  /** How each server is: for whoever looks into what went wrong. */
  async freshness() {
    const of = async (server) => {
      const stat = server.runs ? await readFile(`/proc/${server.pid}/stat`, 'utf8').catch(() => '') : '';
      const ready = await askJson(`${server.url}/health/ready`, { agent: this.agent, timeout: 3000 }).catch((error) => ({ json: error.message }));
      const { runs, isFrozen, process } = server;
      return { server: server.index, runs, isFrozen, process: stat.split(' ')[2], ready: ready.json, log: process.log.slice(-1500) };
    };
    const sessions = await this.postgres?.activity().catch((error) => error.message);
    return { sessions, servers: await Promise.all(this.servers.map(of)) };
  }

  /** The server that renews the stamps: it publishes while nobody asks for anything. */
  async leader() {
    const published = async (server) => {
      const { body } = await askJson(`${server.url}/metrics`, { agent: this.agent, timeout: 2000 });
      return Number(/^portcullis_publications_total\{result="ok"\} (\d+)/m.exec(body.toString())?.[1] ?? 0);
    };
    const look = () => Promise.all(this.servers.map((server) => (server.runs && !server.isFrozen ? published(server).catch(() => 0) : 0)));
    const before = await look();
    await new Promise((resolve) => setTimeout(resolve, 4 * STAMP_EVERY_MS));
    const grown = (await look()).map((count, index) => count - before[index]);
    return this.servers[grown.indexOf(Math.max(...grown))];
  }
}

export class Server {
  static async make(world, index) {
    const server = new Server();
    await world.postgres?.lay(index);
    Object.assign(server, { world, index, port: await freePort(), runs: false, isFrozen: false, mayEnd: false, starts: 0 });
    server.url = `http://127.0.0.1:${server.port}`;
    // The last server has a clock that can be set.
    if (world.faketime && index === world.servers.length && index > 0) {
      server.clock = join(world.folder, `clock-${index}`);
      await writeFile(server.clock, '+0');
    }
    return server;
  }

  get pid() {
    return this.process.pid;
  }

  async start({ trustClock = false } = {}) {
    const { world } = this;
    const faked = this.clock && {
      LD_PRELOAD: world.faketime,
      FAKETIME_TIMESTAMP_FILE: this.clock,
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      FAKETIME_NO_CACHE: '1',
    };
    const args = [
      ...['serve', '--listen', `127.0.0.1:${this.port}`, '--stamp-every', `${STAMP_EVERY_MS}ms`],
      ...['--valid-for', `${VALID_FOR_MS / 1000}s`, '--rate-limit', '0', '--open-metrics'],
      ...['--webhooks-allow-private', '--webhooks-allow-http', '--no-witness'],
      ...world.targets.flatMap((target) => ['--target', target]),
      ...(trustClock ? ['--trust-clock'] : []),
    ];
    this.process = await start(handedOver('PORTCULLIS_BIN'), args, {
      env: { ...world.environment(this), ...faked },
      ready: (told) => told.match(/listening on http/)?.[0],
      seconds: 150,
    });
    this.starts += 1;
    this.runs = true;
    this.isFrozen = false;
    const { process: of } = this;
    of.ended.then(() => {
      if (this.process !== of || !this.runs) return;
      this.runs = false;
      this.isFrozen = false;
      if (this.mayEnd) return;
      world.findings.wrong('a server ended by itself', { server: this.index, log: of.log.slice(-2000) });
    });
  }

  /**
   * Starts it again and again until it runs: its database may not be there yet, and an answer that is lost on
   * the way to it is waited for 90 s long.
   */
  async startSoon(seconds = 150) {
    const deadline = performance.now() + seconds * 1000;
    for (;;) {
      try {
        return await this.start();
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    }
  }

  async stop(signal = 'SIGTERM') {
    const { runs } = this;
    this.isFrozen = false;
    this.runs = false;
    if (runs) await this.process.stop(signal);
  }

  async kill() {
    this.process.signal('SIGKILL');
    this.runs = false;
    this.isFrozen = false;
    await this.process.ended;
  }

  freeze() {
    this.isFrozen = true;
    this.process.signal('SIGSTOP');
  }

  thaw() {
    this.process.signal('SIGCONT');
    this.isFrozen = false;
  }
}
