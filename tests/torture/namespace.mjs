// A network namespace for PostgreSQL, with a pair of virtual interfaces for each of its clients. A link that
// is down loses packets as a pulled cable does: neither side gets a reset, and the kernel's own timers run.

import { atEnd, did, run } from './processes.mjs';

/** Of 198.18.0.0/15, which RFC 2544 keeps for tests of networks. */
const addressesOf = (link) => {
  const [second, third] = [18 + ((process.pid >> 8) & 1), process.pid & 255];
  return { here: `198.${second}.${third}.${4 * link + 1}`, there: `198.${second}.${third}.${4 * link + 2}` };
};

/** What a cluster in the namespace has to trust: all links of all campaigns. */
export const NETWORK = '198.18.0.0/15';

export class Namespace {
  /** `null` if this machine lets us make none. */
  static async make() {
    const name = `portcullis-${process.pid}`;
    if (process.platform !== 'linux' || !(await did('ip', ['netns', 'add', name]))) return null;
    atEnd(() => did('ip', ['netns', 'del', name]));
    const namespace = Object.assign(new Namespace(), { name, links: new Map() });
    return (await did('ip', ['-n', name, 'link', 'set', 'lo', 'up'])) ? namespace : null;
  }

  /** The link of this number, made when it is first asked for. */
  async link(number) {
    if (this.links.has(number)) return this.links.get(number);
    const [here, there] = ['a', 'b'].map((side) => `pc${process.pid.toString(36)}-${number}${side}`);
    const addresses = addressesOf(number);
    const commands = [
      ['link', 'add', here, 'type', 'veth', 'peer', 'name', there, 'netns', this.name],
      ['address', 'add', `${addresses.here}/30`, 'dev', here],
      ['link', 'set', here, 'up'],
      ['-n', this.name, 'address', 'add', `${addresses.there}/30`, 'dev', there],
      ['-n', this.name, 'link', 'set', there, 'up'],
    ];
    for (const command of commands) {
      const { code, stderr } = await run('ip', command);
      if (code !== 0) throw new Error(`ip ${command.join(' ')}: ${stderr}`);
    }
    const link = new Link({ namespace: this.name, here, there, addresses });
    this.links.set(number, link);
    return link;
  }

  /** The command line that runs a program in here, as `user`. */
  inside({ uid, gid }, program, args) {
    const as = uid === undefined ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
    return ['ip', ['netns', 'exec', this.name, ...as, program, ...args]];
  }
}

class Link {
  constructor(of) {
    Object.assign(this, of);
  }

  /** `silently`: our side goes on sending, and nothing arrives. Otherwise our side knows of no way. */
  down({ silently }) {
    const side = silently ? ['-n', this.namespace, 'link', 'set', this.there] : ['link', 'set', this.here];
    return did('ip', [...side, 'down']);
  }

  async up() {
    await did('ip', ['link', 'set', this.here, 'up']);
    await did('ip', ['-n', this.namespace, 'link', 'set', this.there, 'up']);
  }
}
