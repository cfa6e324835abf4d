// What admins do meanwhile: keys are made, revoked, suspended and resumed, and the model is told.

import { pause } from './processes.mjs';
import { Key } from './model.mjs';

const secondsOf = (instant) => (instant ? Math.floor(Date.parse(instant) / 1000) : null);

export class Acts {
  constructor(world, model, reader, { lanes = 6 } = {}) {
    Object.assign(this, { world, model, reader, lanes, over: false, still: false, owners: [], listeners: [] });
    this.byServer = new Map();
  }

  /** `listener` hears of each key whose revocation was acknowledged. */
  onRevoked(listener) {
    this.listeners.push(listener);
  }

  start() {
    this.running = Array.from({ length: this.lanes }, () => this.lane());
  }

  async stop() {
    this.over = true;
    await Promise.all(this.running);
  }

  async lane() {
    const { random } = this.world;
    while (!this.over) {
      if (this.still) {
        await pause(50);
        continue;
      }
      await this.one();
      await pause(random.between(0, 40));
    }
  }

  async one() {
    const { random, findings } = this.world;
    const unused = this.model.free((key) => key.untouched).length;
    // Some are left to be used, and not ever more.
    const of = unused < 30 ? 0 : unused > 400 ? random.between(0.38, 1) : random.next();
    const done =
      of < 0.38 ? await this.create()
      : of < 0.66 ? await this.revoke()
      : of < 0.74 ? await this.revoke(2 + random.below(4))
      : of < 0.84 ? await this.change('suspend', 'suspended')
      : of < 0.94 ? await this.change('resume', 'active')
      : await this.revokeOwner();
    if (done === true) findings.count('acts_acknowledged');
    else if (done === false) findings.count('acts_uncertain');
  }

  async ask(method, path, body) {
    const server = this.world.someServer();
    this.heard?.(server, path);
    const answer = await this.world.asAdmin(method, path, body, { server });
    if (answer.done) this.byServer.set(server.index, (this.byServer.get(server.index) ?? 0) + 1);
    return answer;
  }

  /** The next time that somebody asks a server for a revocation, which it publishes at once. */
  nextRevocation(seconds = 5) {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(undefined), seconds * 1000);
      this.heard = (server, path) => {
        if (!path.endsWith('/revoke') || server.isFrozen) return;
        clearTimeout(timer);
        this.heard = undefined;
        resolve(server);
      };
    });
  }

  /** What no admin who asks for this may be told. */
  unexpected(what, key, { refused }) {
    const lost = refused.status === 404;
    this.world.findings.wrong(lost ? 'lost acknowledgement' : 'unexpected refusal', { what, id: key?.id, ...refused });
  }

  async create(owner) {
    const { random } = this.world;
    const expiring = owner === undefined && random.chance(0.1);
    const body = { title: 'torture', ...(expiring ? { expires_in_seconds: 3 + random.below(8) } : {}), ...(owner ? { owner } : {}) };
    const answer = await this.ask('POST', '/v1/keys', body);
    if (answer.refused) this.unexpected('create', null, answer);
    if (!answer.done) return false;
    const { key, token } = answer.done;
    const of = { id: key.id, serial: key.serial, token, expires: secondsOf(key.expires_at), owner: owner ?? 0 };
    await this.reader.token(this.world.name, key.id, token);
    this.model.add(new Key(of, answer.sent, answer.answered));
    return true;
  }

  /** Revokes a key, at once or later, and goes on until that is acknowledged. */
  async revoke(inSeconds) {
    const { random } = this.world;
    const keys = this.model.free((key) => key.revokedSince === null && key.expires === null);
    if (keys.length === 0) return undefined;
    const key = random.pick(keys);
    key.busy = true;
    const at = inSeconds === undefined ? null : Math.floor(Date.now() / 1000) + inSeconds;
    const act = key.begin('revoked', at);
    const body = at === null ? {} : { at: new Date(at * 1000).toISOString() };
    return this.settle(key, act, body);
  }

  /** Sends it until it is acknowledged: then the key is revoked, whichever of them did it. */
  async settle(key, act, body) {
    for (let tries = 0; ; tries++) {
      const answer = await this.ask('POST', `/v1/keys/${key.id}/revoke`, { ...body, if_revoked: 'skip' });
      if (answer.done) {
        act.answered = answer.answered;
        key.busy = false;
        for (const listener of this.listeners) listener(key);
        return tries === 0;
      }
      if (answer.refused) {
        this.unexpected('revoke', key, answer);
        return undefined;
      }
      // A time that has passed meanwhile means now.
      if (this.over && tries > 40) return undefined;
      await pause(100);
    }
  }

  async change(what, say) {
    const fits = what === 'suspend' ? (key) => key.untouched : (key) => key.acts.at(-1)?.say === 'suspended' && key.acts.at(-1).answered !== null;
    const keys = this.model.free((key) => key.expires === null && key.owner === 0 && fits(key));
    if (keys.length === 0) return this.create();
    const key = this.world.random.pick(keys);
    key.busy = true;
    const act = key.begin(say);
    const answer = await this.ask('POST', `/v1/keys/${key.id}/${what}`, {});
    if (answer.done) {
      act.answered = answer.answered;
      key.busy = false;
      return true;
    }
    if (answer.refused) {
      this.unexpected(what, key, answer);
      return undefined;
    }
    // It may have been done, or be done yet. A revocation ends the doubt.
    await this.settle(key, key.begin('revoked'), {});
    return false;
  }

  /** An owner, its keys, and one entry that revokes them all. */
  async revokeOwner() {
    const made = await this.ask('POST', '/v1/owners', { name: 'torture' });
    if (made.refused) this.unexpected('owner', null, made);
    if (!made.done) return false;
    const { number } = made.done.owner ?? made.done;
    const before = new Set(this.model.keys.keys());
    for (let count = 0; count < 3; count++) await this.create(number);
    const keys = [...this.model.keys.values()].filter((key) => key.owner === number && !before.has(key.id));
    const acts = keys.map((key) => {
      key.busy = true;
      return key.begin('revoked');
    });
    for (let tries = 0; ; tries++) {
      const answer = await this.ask('POST', '/v1/bulk-revocations', { owner: number });
      if (answer.done) {
        acts.forEach((act) => (act.answered = answer.answered));
        keys.forEach((key) => (key.busy = false));
        for (const key of keys) for (const listener of this.listeners) listener(key);
        return tries === 0;
      }
      if (answer.refused) {
        this.unexpected('revoke an owner', null, answer);
        return undefined;
      }
      if (this.over && tries > 40) return undefined;
      await pause(100);
    }
  }

  /** Every key that was ever acknowledged is there, and is what it was made to be. */
  async checkRecords() {
    const { findings } = this.world;
    const rest = [...this.model.keys.values()];
    const lane = async () => {
      for (let key = rest.pop(); key; key = rest.pop()) {
        const answer = await this.found(key);
        if (!answer) continue;
        findings.count('records_checked');
        if (answer.refused) {
          findings.wrong('lost acknowledgement', { what: 'record', id: key.id, ...answer.refused });
          continue;
        }
        const { state } = answer.done;
        const said = { active: 'accepted', scheduled: 'accepted' }[state] ?? state;
        const may = key.may([answer.sent, answer.answered], [answer.sent, answer.answered]);
        findings.check(may.has(said), 'lost acknowledgement', { what: 'record', id: key.id, state, may: [...may], acts: key.acts });
      }
    };
    await Promise.all(Array.from({ length: 8 }, lane));
  }

  /** The record of a key, asked for until there is an answer. */
  async found(key) {
    for (let tries = 0; tries < 60; tries++) {
      const answer = await this.world.asAdmin('GET', `/v1/keys/${key.id}`);
      if (answer.done || answer.refused) return answer;
      await pause(250);
    }
    this.world.findings.wrong('no answer', { what: 'record', id: key.id });
    return undefined;
  }
}
