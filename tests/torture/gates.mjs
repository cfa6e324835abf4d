// Verifiers under way: gates in workerd and the npm package in Node, asked all the time about keys that
// are in use and keys that have just been revoked.

import { fileURLToPath } from 'node:url';

import { portOf, workerdArgs } from '../workerd.mjs';
import { askJson, keptAlive } from './http.mjs';
import { handedOver, pause, start } from './processes.mjs';
import { VALID_FOR_MS } from './world.mjs';

const CONFIG = fileURLToPath(new URL('../../crates/gate-worker/workerd.capnp', import.meta.url));
const PACKAGE = new URL('../../wasm/js/', import.meta.url);
const FRESH_FOR_MS = 1000;
const DEADLINE_MS = 2000;
/** Refusals that say nothing of the key. */
const CLOSED = ['list_missing', 'list_past_next_update', 'list_from_the_future', 'keyring_expired', 'not_covered'];

/** A gate as it is deployed, in real workerd. */
export class WorkerdGate {
  static async start(world, supply, origin) {
    const gate = new WorkerdGate();
    Object.assign(gate, { name: `workerd behind ${supply.name}`, world, supply, origin, agent: keptAlive(), isHonest: !supply.hostile, softMs: 0 });
    await gate.restart();
    return gate;
  }

  async restart() {
    const { world, supply, origin } = this;
    if (this.process) await this.process.stop('SIGKILL');
    this.process = await start(
      handedOver('PORTCULLIS_WORKERD'),
      workerdArgs(CONFIG),
      {
        env: {
          ...{ ISSUER_URL: supply.url, ORIGIN_URL: origin.url, ROOT: world.root, ENVIRONMENT: 'live' },
          ...{ HMAC_KEYS: JSON.stringify(world.gateKeys), FRESH_FOR: String(FRESH_FOR_MS / 1000), DEADLINE_MS: String(DEADLINE_MS) },
        },
        ready: portOf,
      },
    );
    this.url = `http://127.0.0.1:${this.process.value}`;
    this.floor = 0;
  }

  async ask(token) {
    const headers = { authorization: `Bearer ${token}` };
    const { status, json } = await askJson(this.url, { headers, agent: this.agent, timeout: 20_000 });
    if (status === 200) {
      const told = json.headers.portcullis;
      return { says: 'accepted', number: Number(/list=(\d+)/.exec(told)[1]), freshness: /freshness=(\w+)/.exec(told)[1] };
    }
    return { says: status === 401 ? 'refused' : status === 503 ? 'closed' : `status ${status}` };
  }

  async status() {
    const headers = { authorization: `Bearer ${this.world.admin}` };
    const { json } = await askJson(`${this.url}/.portcullis/status`, { headers, agent: this.agent, timeout: 20_000 });
    this.softMs = Math.max(this.softMs, json?.bounds?.soft_ms ?? 0);
  }
}

/** The npm package, by one of its two engines. */
export class NodeVerifier {
  static async start(world, supply, engine) {
    const { createVerifier, httpSource } = await import(new URL(engine, PACKAGE).href);
    const verifier = new NodeVerifier();
    Object.assign(verifier, { name: `${engine} behind ${supply.name}`, world, isHonest: !supply.hostile, floor: 0 });
    const make = () =>
      createVerifier({
        ...{ root: world.root, secrets: world.gateKeys.secrets, source: httpSource(supply.url, { timeout: 2000 }) },
        ...{ freshFor: FRESH_FOR_MS, deadline: 500, coldDeadline: 1500 },
      });
    verifier.restart = async () => {
      verifier.verifier = make();
      verifier.floor = 0;
    };
    await verifier.restart();
    return verifier;
  }

  async ask(token) {
    const verdict = await this.verifier.authenticate({ headers: { authorization: `Bearer ${token}` } });
    const { number, freshness, thisUpdate } = verdict.list ?? {};
    if (verdict.ok) return { says: 'accepted', number, freshness, thisUpdate };
    if (CLOSED.includes(verdict.code)) return { says: 'closed' };
    return { says: 'refused', code: verdict.code, number, thisUpdate };
  }
}

/**
 * Whether a refusal can't be taken back. A gate that is behind may refuse a key as suspended, see it resumed
 * by its next list, and learn only then that it was revoked.
 */
function isForGood(key, { code }) {
  return code === undefined ? key.acts.every((act) => act.say !== 'suspended') : code !== 'suspended';
}

/** Asks verifiers, and holds what they say against the model. */
export class Gates {
  constructor(world, model, watch, gates) {
    Object.assign(this, { world, model, watch, gates, over: false });
    for (const gate of gates) Object.assign(gate, { hot: [], asked: 0 });
  }

  revoked(key) {
    for (const gate of this.gates) gate.hot.push({ key, calm: this.world.isCalm });
  }

  start() {
    this.running = this.gates.flatMap((gate) => [this.lane(gate), this.lane(gate), this.statuses(gate)]);
  }

  async stop() {
    this.over = true;
    await Promise.all(this.running);
  }

  async statuses(gate) {
    while (!this.over && gate.status) {
      await gate.status().catch(() => {});
      await pause(1000);
    }
  }

  async lane(gate) {
    const { random } = this.world;
    while (!this.over) {
      const hot = random.chance(0.7) ? gate.hot.shift() : undefined;
      const key = hot?.key ?? random.pick([...this.model.current]);
      if (!key || gate.pausing) {
        if (hot) gate.hot.push(hot);
        await pause(20);
        continue;
      }
      const again = await this.one(gate, key, hot).catch(() => hot !== undefined);
      if (again && hot) gate.hot.push(hot);
      await pause(random.between(0, 15));
    }
  }

  /** Asks once; says whether a revoked key is to be asked about again. */
  async one(gate, key, hot) {
    const { findings } = this.world;
    const life = gate.life ?? 0;
    const { floor } = gate;
    const sent = Date.now();
    const wasRefused = key.refusedBy.has(gate.name);
    const answer = await gate.ask(key.token);
    const got = Date.now();
    // It was begun anew meanwhile, and knows nothing of before.
    if ((gate.life ?? 0) !== life) return hot !== undefined;
    gate.asked += 1;
    findings.count('requests_verified');
    if (answer.says === 'closed') {
      findings.count('closed');
      return hot !== undefined;
    }
    findings.count(answer.says === 'accepted' ? 'accepted' : 'refused');
    const list = this.listOf(answer, sent, got);
    const may = key.may(list, [sent, got]);
    const of = { gate: gate.name, id: key.id, ...answer, list, sent, got, acts: key.acts, expires: key.expires };
    if (answer.says === 'accepted') {
      findings.check(may.has('accepted') && !wasRefused, 'wrong acceptance', { ...of, wasRefused });
      findings.check(answer.number >= floor, 'a gate went back', { ...of, floor });
      if (key.revokedSince !== null) findings.time('revoke_to_last_acceptance_ms', sent - key.revokedSince);
      gate.floor = Math.max(gate.floor, answer.number);
      const soft = hot?.calm && gate.isHonest && gate.softMs > 0 && this.world.isCalm;
      if (soft) findings.check(sent - key.revokedSince <= gate.softMs, 'past the bound', { ...of, bound: gate.softMs });
      return hot !== undefined;
    }
    findings.check([...may].some((one) => one !== 'accepted'), 'wrong refusal', of);
    if (key.revokedSince !== null && sent > key.revokedSince) {
      if (isForGood(key, answer)) key.refusedBy.add(gate.name);
      if (hot) {
        const took = got - key.revokedSince;
        if (gate.isHonest && hot.calm && this.world.isCalm) findings.time('revoke_to_refusal_calm_ms', took);
      }
      return false;
    }
    return hot !== undefined;
  }

  /** Between which instants the this update lies of the list that it was verified against. */
  listOf({ number, freshness, thisUpdate }, sent, got) {
    if (thisUpdate !== undefined && thisUpdate !== null) return [thisUpdate, this.world.datedUntil(thisUpdate)];
    const longest = freshness === 'fresh' ? FRESH_FOR_MS : VALID_FOR_MS;
    // What a list of this number says was seen under a later stamp as well.
    const seen = [...this.epochs()].map((epoch) => this.watch.lists.get(`${epoch}/${number}`)?.this_update ?? 0);
    const from = Math.max(sent - longest, ...(seen.length === 1 ? seen : [0]));
    return [from, Math.max(got, from)];
  }

  epochs() {
    return this.watch.newest ? [this.watch.newest[0]] : [];
  }
}
