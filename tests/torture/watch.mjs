// Looks at what is published, everywhere and all the time, through the independent reader.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ask } from './http.mjs';
import { pause } from './processes.mjs';
import { VALID_FOR_MS } from './world.mjs';

const WELL_KNOWN = '/.well-known/portcullis';
const VERIFIED_IN_FULL = 5;
/** Where a stamp says when it was signed. */
const UPDATE_AT = 34;

/** Where a list can be read: `get` gives a file, `undefined` where there is none, and throws if nobody answers. */
export const atServer = (world, server) => ({
  name: `server ${server.index}`,
  kind: 'http',
  isThere: () => server.runs,
  async get(file) {
    const { status, body } = await ask(`${server.url}${WELL_KNOWN}/${file}`, { agent: world.agent, timeout: 3000 });
    if (status === 404) return undefined;
    if (status !== 200) throw new Error(`status ${status}`);
    return body;
  },
});

export const atFolder = (path) => ({
  name: 'folder',
  kind: 'folder',
  isThere: () => true,
  async get(file) {
    try {
      return await readFile(join(path, file));
    } catch (error) {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    }
  },
});

export class Watch {
  constructor(world, model, reader, sources, { isTimed = true } = {}) {
    Object.assign(this, { world, model, reader, sources, isTimed, over: false });
    /** The newest stamp that anybody has read whole, as [epoch, number, this update]. */
    this.newest = null;
    /** By epoch and number: the head's digest, and the latest this update with which it was seen. */
    this.lists = new Map();
    this.known = new Map();
  }

  start() {
    const timed = this.isTimed ? [this.clock(), ...this.sources.filter(({ kind }) => kind !== 'store').map((source) => this.sample(source))] : [];
    this.running = [...this.sources.map((source) => this.follow(source)), ...timed];
  }

  async stop() {
    this.over = true;
    await Promise.all(this.running);
  }

  async follow(source) {
    while (!this.over) {
      try {
        if (source.isThere()) await this.look(source);
      } catch (error) {
        if (/the reader ended/.test(error.message)) throw error;
        // Nobody answered.
      }
      await pause(source.kind === 'http' ? 120 : 60);
    }
  }

  async look(source) {
    const { findings, random, name } = this.world;
    const floor = source.kind === 'http' ? this.newest : (this.floors ??= new Map()).get(source.name);
    const stamp = await source.get('stamp');
    if (stamp === undefined) return;
    const known = this.known.get(source.name);
    if (known && Buffer.compare(known, stamp) === 0) return;
    const keyring = await source.get('keyring');
    const at = Date.now();
    const keys = [...this.model.current];
    const verify = keys.map((key) => key.id);
    const whole = Array.from({ length: Math.min(VERIFIED_IN_FULL, keys.length) }, () => random.pick(keys).id);
    const told = await this.reader.read(name, { stamp, keyring, at, verify, whole }, (file) => source.get(file));
    const of = { at: source.name, epoch: told.epoch, number: told.number };
    if (told.missing) return findings.wrong('torn list', { ...of, missing: told.missing });
    if (told.refused === 'list_past_next_update') return undefined;
    if (!findings.check(!told.refused, 'unsound list', { ...of, refused: told.refused, this_update: told.this_update, now: at })) return undefined;
    this.known.set(source.name, stamp);
    findings.count('lists_read');
    this.compare(source, told, floor, of);
    const list = [told.this_update, this.world.datedUntil(told.this_update)];
    for (const key of keys) {
      const says = new Set([told.says[key.id], told.whole[key.id] ?? told.says[key.id]]);
      const may = key.may(list, [at, at]);
      for (const said of says) this.checkVerdict(key, said, may, { ...of, this_update: told.this_update });
    }
    findings.count('verdicts_read', keys.length);
    return undefined;
  }

  checkVerdict(key, said, may, of) {
    const { findings } = this.world;
    const what = said === 'accepted' ? 'revocation not in the list' : 'wrong word in the list';
    findings.check(may.has(said), what, { ...of, id: key.id, said, may: [...may], acts: key.acts });
  }

  /** Each list against all that were seen before. */
  compare(source, told, floor, of) {
    const { findings } = this.world;
    const mark = [told.epoch, told.number, told.this_update];
    const earlier = (one, other) => {
      const at = one.findIndex((value, index) => value !== other[index]);
      return at >= 0 && one[at] < other[at];
    };
    const validity = told.next_update - told.this_update;
    findings.check(validity <= VALID_FOR_MS, 'list valid for too long', { ...of, validity });
    // A writer that was frozen may put an older stamp into a folder once, until the next renewal.
    const mayGoBack = source.kind !== 'http' && !this.world.isCalm;
    const wentBack = floor && earlier(mark, floor);
    findings.check(!wentBack || mayGoBack, 'list went back', { ...of, mark, floor });
    if (!this.newest || earlier(this.newest, mark)) this.newest = mark;
    if (source.kind !== 'http') (this.floors ??= new Map()).set(source.name, mark);
    const name = `${told.epoch}/${told.number}`;
    const before = this.lists.get(name);
    findings.check(!before || before.head === told.head, 'two lists of one number', { ...of, head: told.head, before: before?.head });
    if (!before) {
      const previous = this.lists.get(`${told.epoch}/${told.number - 1}`);
      findings.check(!previous || previous.head === told.previous, 'broken chain', { ...of, previous: told.previous });
      this.lists.set(name, { head: told.head, this_update: told.this_update });
    } else before.this_update = Math.max(before.this_update, told.this_update);
  }

  /** Looks at the time of a stamp alone. To read a list whole takes the reader longer than to renew it. */
  async sample(source) {
    while (!this.over) {
      const stamp = source.isThere() ? await source.get('stamp').catch(() => undefined) : undefined;
      if (stamp?.length > UPDATE_AT + 8) this.sampled = Math.max(this.sampled ?? 0, Number(stamp.readBigUInt64BE(UPDATE_AT)));
      await pause(100);
    }
  }

  /** How old the newest list is that anybody can have. */
  async clock() {
    const { world } = this;
    let last = Date.now();
    let late = false;
    while (!this.over) {
      await pause(50);
      const now = Date.now();
      // A machine that did nothing at all for a while has an excuse.
      if (now - last > 500) world.excuse(2 * (now - last));
      last = now;
      if (!this.newest || !this.sampled) continue;
      const age = now - this.sampled;
      world.findings.time('without_fresh_list_ms', age);
      if (!world.isCalm) {
        late = false;
        continue;
      }
      world.findings.time('without_fresh_list_calm_ms', age);
      // Half its validity is where /health/ready says at the latest that it is late.
      const isLate = age > VALID_FOR_MS / 2;
      if (isLate && !late) world.findings.wrong('list not renewed', { age, sampled: this.sampled, newest: this.newest });
      late = isLate;
    }
  }
}
