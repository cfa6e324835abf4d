// A PostgreSQL of the campaign's own, which is killed, frozen and started again.

import { spawn } from 'node:child_process';
import { chown, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { Wire } from './network.mjs';
import { atEnd, freePort, handedOver, listens, pause, run, temporaryFolder, until } from './processes.mjs';

// Every cluster has it, and it is the campaign's alone.
const DATABASE = 'postgres';

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
    Object.assign(postgres, { folder, port, as, bin: handedOver('PORTCULLIS_POSTGRES_BIN'), wires: new Map() });
    if (as.uid !== undefined) await chown(folder, as.uid, as.gid);
    const initdb = ['-D', join(folder, 'data'), '--auth=trust', '--username=postgres', '--no-sync', '--encoding=UTF8', '--locale=C'];
    await postgres.program('initdb', initdb);
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
    const settings = ['listen_addresses=127.0.0.1', 'fsync=off', 'max_connections=200', 'logging_collector=off'];
    const args = [
      ...['-D', join(this.folder, 'data')],
      ...Object.entries(options).flatMap(([name, value]) => [`-${name}`, String(value)]),
      ...settings.flatMap((setting) => ['-c', setting]),
    ];
    await until('PostgreSQL', async () => {
      this.log = '';
      this.child = spawn(join(this.bin, 'postgres'), args, { cwd: this.folder, ...this.as, stdio: ['ignore', 'pipe', 'pipe'] });
      const { child } = this;
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (this.log = (this.log + data).slice(-20_000)));
      child.isOver = false;
      child.on('close', () => (child.isOver = true));
      while (!child.isOver && !/ready to accept connections/.test(this.log)) await pause(20);
      return !child.isOver && (await listens(this.port));
    }, 60, 200);
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

  /** The wire of a server, one for each. */
  async wire(index) {
    if (!this.wires.has(index)) this.wires.set(index, await Wire.to(this.port));
    return this.wires.get(index);
  }

  url(server) {
    const port = server ? this.wires.get(server.index).port : this.port;
    const name = server ? `?application_name=issuer-${server.index}` : '';
    return `postgres://postgres@127.0.0.1:${port}/${DATABASE}${name}`;
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
