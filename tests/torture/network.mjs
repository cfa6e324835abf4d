// A wire between two programs on loopback, which can be slow, be cut so that nobody is told, or break.

import { connect, createServer } from 'node:net';

import { atEnd } from './processes.mjs';

export class Wire {
  /** A wire from a port on loopback. */
  static async to(port, host) {
    const wire = new Wire();
    Object.assign(wire, { target: { port, host }, delay: 0, isCut: false, pairs: new Set(), carried: 0 });
    const server = createServer((ours) => wire.join(ours));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    wire.port = server.address().port;
    atEnd(() => {
      server.close();
      for (const pair of wire.pairs) pair.forEach((socket) => socket.destroy());
    });
    return wire;
  }

  join(ours) {
    const theirs = connect(this.target);
    const pair = [ours, theirs];
    // What was cut stays cut, also when the wire is whole again.
    pair.isCut = this.isCut;
    this.pairs.add(pair);
    const end = () => {
      this.pairs.delete(pair);
      ours.destroy();
      theirs.destroy();
    };
    for (const [from, to] of [pair, [theirs, ours]]) {
      from.on('error', end);
      from.on('close', () => !pair.isCut && end());
      from.on('data', (data) => this.carry(pair, from, to, data));
    }
  }

  async carry(pair, from, to, data) {
    if (pair.isCut) return;
    this.carried += data.length;
    if (this.delay > 0) {
      from.pause();
      await new Promise((resolve) => setTimeout(resolve, this.delay));
      from.resume();
    }
    if (!pair.isCut && !to.destroyed) to.write(data);
  }

  /** Nothing comes through any more, and nobody is told. Gives how many connections that were. */
  cut() {
    this.isCut = true;
    for (const pair of this.pairs) pair.isCut = true;
    return this.pairs.size;
  }

  mend() {
    this.isCut = false;
    this.delay = 0;
  }

  /** Every connection ends, as when a machine between them is started anew. Gives how many there were. */
  reset() {
    const all = [...this.pairs];
    for (const [ours, theirs] of all) {
      ours.resetAndDestroy();
      theirs.resetAndDestroy();
    }
    return all.length;
  }

  /** Connections that were cut are over when the other side of a wire is started anew. */
  forget() {
    for (const pair of this.pairs) if (pair.isCut) pair.forEach((socket) => socket.destroy());
  }
}
