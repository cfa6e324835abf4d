// A PostgreSQL of the campaign's own, which is killed, frozen and started again.

import { spawn } from 'node:child_process';
import { appendFile, chown, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';

import { NETWORK, Namespace } from './namespace.mjs';
import { Wire } from './network.mjs';
import { atEnd, freePort, handedOver, pause, run, temporaryFolder, until } from './processes.mjs';

// Every cluster has it, and it is the campaign's alone.
const DATABASE = 'postgres';

/** Everybody but the servers comes by the first link; the server of this index by one of its own. */
const OUR_LINK = 0;
const LINKED_SERVER = 1;

/** Whom to be, where we are root, as whom the server refuses to run. */
async function account() {
  if (process.getuid() !== 0) return {};
  for (const name of ['postgres', 'nobody']) {
    const [user, group] = await Promise.all(['-u', '-g'].map((option) => run('id', [option, name])));
    if (user.code === 0) return { uid: Number(user.stdout), gid: Number(group.stdout) };
  }
  throw new Error('PostgreSQL does not run as root, and there is no user `nobody`');
}

export class Postgres {
  static async start() {
    const postgres = new Postgres();
    const folder = await temporaryFolder();
    const port = await freePort();
    const as = await account();
    const namespace = await Namespace.make();
    Object.assign(postgres, { folder, port, as, namespace, bin: handedOver('PORTCULLIS_POSTGRES_BIN'), wires: new Map() });
    postgres.host = namespace ? (await namespace.link(OUR_LINK)).addresses.there : '127.0.0.1';
    if (as.uid !== undefined) await chown(folder, as.uid, as.gid);
    const initdb = ['-D', join(folder, 'data'), '--auth=trust', '--username=postgres', '--no-sync', '--encoding=UTF8', '--locale=C'];
    await postgres.program('initdb', initdb);
    if (namespace) await appendFile(join(folder, 'data', 'pg_hba.conf'), `host all all ${NETWORK} trust\n`);
    atEnd(() => postgres.end());
    await postgres.begin();
    return postgres;
  }

  /** Runs one of its programs to its end. */
  program(name, args) {
    return new Promise((resolve, reject) => {
      const child = spawn(join(this.bin, name), args, { cwd: this.folder, ...this.as });
      let said = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (said += data));
      child.on('error', reject);
      child.on('close', (code) => (code === 0 ? resolve(said) : reject(new Error(`${name}: exit ${code}\n${said}`))));
    });
  }

  /** Starts the server; one that finds what a killed one left is started again until that is gone. */
  async begin() {
    const options = { p: this.port, k: this.folder };
    const settings = [`listen_addresses=${this.namespace ? '*' : this.host}`, 'fsync=off', 'max_connections=200', 'logging_collector=off'];
    const args = [
      ...['-D', join(this.folder, 'data')],
      ...Object.entries(options).flatMap(([name, value]) => [`-${name}`, String(value)]),
      ...settings.flatMap((setting) => ['-c', setting]),
    ];
    await until('PostgreSQL', async () => {
      this.log = '';
      const program = join(this.bin, 'postgres');
      const [command, given, as] = this.namespace ? [...this.namespace.inside(this.as, program, args), {}] : [program, args, this.as];
      this.child = spawn(command, given, { cwd: this.folder, ...as, stdio: ['ignore', 'pipe', 'pipe'] });
      const { child } = this;
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (this.log = (this.log + data).slice(-20_000)));
      child.isOver = false;
      child.on('close', () => (child.isOver = true));
      while (!child.isOver && !/ready to accept connections/.test(this.log)) await pause(20);
      return !child.isOver && (await this.answers());
    }, 60, 200);
  }

  /** Whether somebody takes connections at its address. */
  answers() {
    return new Promise((resolve) => {
      const socket = connect(this.port, this.host);
      socket.on('connect', () => socket.destroy(resolve(true)));
      socket.on('error', () => resolve(false));
    });
  }

  /** The server's processes: it, and one for each session and each job. */
  async processes() {
    const { pid } = this.child;
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
    return [pid, ...children.split(' ').filter(Boolean).map(Number)];
  }

  /** The processes of sessions of the issuer's, by what each is doing. */
  async sessions() {
    const [, ...others] = await this.processes();
    const named = await Promise.all(
      others.map(async (pid) => [pid, (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ')]),
    );
    return named.filter(([, title]) => title.includes(`: postgres ${DATABASE} `)).map(([pid, title]) => ({ pid, title }));
  }

  /** What each session is at, as the server says. */
  activity() {
    const query = "SELECT application_name, pid, state, wait_event, now() - xact_start AS since, left(query, 90) FROM pg_stat_activity WHERE backend_type = 'client backend'";
    const args = ['-h', this.host, '-p', String(this.port), '-U', 'postgres', '-d', DATABASE, '-At', '-c', query];
    return this.program('psql', args);
  }

  /** Those that came by a link. */
  async sessionsOf(link) {
    return (await this.sessions()).filter(({ title }) => title.includes(` ${link.addresses.here}(`));
  }

  async kill() {
    const all = await this.processes();
    for (const pid of all) signal(pid, 'SIGKILL');
    await until('PostgreSQL is gone', () => this.child.isOver, 30);
  }

  async end() {
    if (this.child.isOver) return;
    for (const pid of await this.processes()) signal(pid, 'SIGCONT');
    this.child.kill('SIGQUIT');
    const deadline = performance.now() + 10_000;
    while (!this.child.isOver && performance.now() < deadline) await pause(20);
    if (!this.child.isOver) await this.kill();
  }

  /** Lays the way from a server to here: a link, or a wire. */
  async lay(index) {
    if (this.namespace && index === LINKED_SERVER) this.link = await this.namespace.link(OUR_LINK + 1);
    else this.wires.set(index, await Wire.to(this.port, this.host));
  }

  url(server) {
    const wire = server && this.wires.get(server.index);
    const [host, port] = !server ? [this.host, this.port] : wire ? ['127.0.0.1', wire.port] : [this.link.addresses.there, this.port];
    const name = server ? `?application_name=issuer-${server.index}` : '';
    return `postgres://postgres@${host}:${port}/${DATABASE}${name}`;
  }
}

/** To a process that may be gone already. */
export function signal(pid, name) {
  try {
    process.kill(pid, name);
    return true;
  } catch (error) {
    if (error.code === 'ESRCH') return false;
    throw error;
  }
}
