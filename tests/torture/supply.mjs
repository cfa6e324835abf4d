// What stands between issuer and verifier, and decides what the verifier gets: late, cut short, changed,
// from before, of something else, without an end, or the truth.

import { all, ask, keptAlive, listen } from './http.mjs';
import { pause } from './processes.mjs';

const MOST_KEPT = 400;
/** How long a verifier's patience is tried: longer than a deadline, shorter than the campaign. */
const HELD_MS = 6000;

/** By name: what is sent in the place of the truth. Each is given the truth, and gives `{ status, body, … }`. */
const LIES = {
  delay: async (truth, { random }) => {
    await pause(random.chance(0.8) ? random.between(20, 800) : random.between(800, HELD_MS));
    return truth();
  },
  truncate: async (truth, { random }) => {
    const answer = await truth();
    return { ...answer, body: answer.body.subarray(0, random.below(answer.body.length + 1)) };
  },
  // The length that is told is that of the whole: the connection ends before it is there.
  'cut off': async (truth, { random }) => {
    const answer = await truth();
    return { ...answer, length: answer.body.length, body: answer.body.subarray(0, random.below(answer.body.length)), hangUp: true };
  },
  flip: async (truth, { random }) => {
    const answer = await truth();
    if (answer.body.length === 0) return answer;
    const body = Buffer.from(answer.body);
    for (let times = 1 + random.below(3); times > 0; times--) body[random.below(body.length)] ^= 1 << random.below(8);
    return { ...answer, body };
  },
  replay: async (truth, { random, kept, path }) => {
    const answer = await truth();
    const before = kept.get(path) ?? [];
    return before.length > 0 ? { ...answer, status: 200, body: random.pick(before).body } : answer;
  },
  // The file of one name under the name of another.
  mix: async (truth, { random, kept, path }) => {
    const answer = await truth();
    const others = [...kept.keys()].filter((other) => other !== path);
    return others.length > 0 ? { ...answer, status: 200, body: random.pick(kept.get(random.pick(others))).body } : answer;
  },
  foreign: async (truth, { random, foreign, path }) => {
    const answer = await truth();
    const file = foreign.get(path) ?? random.pick([...foreign.values()]);
    return { ...answer, status: 200, body: file };
  },
  grow: async (truth, { random }) => {
    const answer = await truth();
    return { ...answer, body: Buffer.concat([answer.body, Buffer.alloc(1 + random.below(300), random.below(256))]) };
  },
  endless: async (truth, { random }) => ({ ...(random.chance(0.5) ? await truth() : { status: 200, body: Buffer.alloc(0) }), endless: true }),
  'never ends': async (truth) => {
    const answer = await truth();
    return { ...answer, body: answer.body.subarray(0, answer.body.length >> 1), held: HELD_MS };
  },
  'no answer': async () => {
    await pause(HELD_MS);
    return null;
  },
  'hang up': async () => null,
  status: async (truth, { random }) => ({ status: random.pick([204, 301, 304, 400, 404, 410, 429, 500, 502, 503]), body: Buffer.alloc(0) }),
  empty: async () => ({ status: 200, body: Buffer.alloc(0) }),
};

/** All kinds that a campaign has to show. `past` is the issuer as it was at one moment. */
export const KINDS = [...Object.keys(LIES), 'past'];

export class Supply {
  /** `hostile` says whether it ever lies. */
  static async start(world, { name, hostile, foreign = new Map() }) {
    const supply = new Supply();
    Object.assign(supply, { world, name, hostile, foreign, random: world.random, kept: new Map(), requests: 0, over: false });
    supply.agent = keptAlive();
    supply.mood = { kind: 'honest', until: 0 };
    const server = await listen((incoming, outgoing) => supply.answer(incoming, outgoing));
    supply.url = server.url;
    return supply;
  }

  /** What it is up to for a while. */
  get now() {
    const at = Date.now();
    if (at < this.mood.until) return this.mood;
    const { random } = this;
    const of = random.next();
    const kind = of < 0.2 ? 'honest' : of < 0.65 ? 'mixed' : of < 0.85 ? 'past' : random.pick(Object.keys(LIES));
    // Now and then for longer than a list is valid: then everything must be refused.
    const lasts = kind === 'honest' ? random.between(1500, 3500) : random.chance(0.15) ? random.between(10_000, 18_000) : random.between(500, 5000);
    this.mood = { kind, until: at + lasts, from: at - random.between(200, 30_000) };
    return this.mood;
  }

  async answer(incoming, outgoing) {
    await all(incoming);
    this.requests += 1;
    const { url: path, method, headers } = incoming;
    const truth = () => this.truth(path, method, headers);
    let answer;
    try {
      answer = this.hostile ? await this.lie(path, truth) : await truth();
    } catch {
      answer = null; // the issuer is gone: so is this
    }
    await send(outgoing, answer);
  }

  async lie(path, truth) {
    const { random, world, kept, foreign } = this;
    const { kind, from } = this.now;
    if (kind === 'honest' || (kind === 'mixed' && random.chance(0.5))) return truth();
    if (kind === 'past') {
      const answer = await truth();
      const before = (kept.get(path) ?? []).filter(({ at }) => at <= from).at(-1);
      if (!before) return answer;
      world.findings.step('past');
      return { ...answer, status: 200, body: before.body };
    }
    const chosen = kind === 'mixed' ? random.pick(Object.keys(LIES)) : kind;
    const answer = await LIES[chosen](truth, { random, kept, path, foreign });
    world.findings.step(chosen);
    return answer;
  }

  /** From whichever server answers. */
  async truth(path, method, headers) {
    const servers = this.random.shuffled(this.world.up);
    let failed;
    for (const server of servers) {
      try {
        const { host, connection, ...others } = headers;
        const answer = await ask(server.url + path, { method, headers: others, agent: this.agent, timeout: 1000 });
        if (answer.status === 200) this.keep(path, answer.body);
        return { status: answer.status, body: answer.body, headers: answer.headers };
      } catch (error) {
        failed = error;
      }
    }
    throw failed ?? new Error('no server runs');
  }

  keep(path, body) {
    const before = this.kept.get(path) ?? [];
    const last = before.at(-1);
    if (last && Buffer.compare(last.body, body) === 0) return;
    before.push({ at: Date.now(), body });
    if (before.length > MOST_KEPT) before.splice(this.random.below(MOST_KEPT / 2), 1);
    this.kept.set(path, before);
    if (this.kept.size > 4 * MOST_KEPT) this.kept.delete(this.kept.keys().next().value);
  }
}

async function send(outgoing, answer) {
  if (!answer) return outgoing.destroy();
  const length = answer.held || answer.endless ? undefined : (answer.length ?? answer.body.length);
  outgoing.writeHead(answer.status, {
    'content-type': answer.headers?.['content-type'] ?? 'application/octet-stream',
    ...(answer.status === 301 ? { location: '/.well-known/portcullis/stamp' } : {}),
    ...(length === undefined || answer.status === 204 || answer.status === 304 ? {} : { 'content-length': length }),
  });
  if (answer.endless) return endless(outgoing, answer.body);
  if (answer.held || answer.hangUp) {
    outgoing.write(answer.body);
    await pause(answer.held ?? 5);
    return outgoing.destroy();
  }
  return outgoing.end(answer.body);
}

/** Until the other side has had enough, or half a gigabyte. */
function endless(outgoing, body) {
  const chunk = Buffer.alloc(64 << 10);
  let left = 512 << 20;
  if (body.length > 0) outgoing.write(body);
  const more = () => {
    while (!outgoing.destroyed && left > 0 && outgoing.write(chunk)) left -= chunk.length;
    if (left <= 0) outgoing.destroy();
  };
  outgoing.on('drain', more);
  more();
}

/** The files of another issuer, by their paths: true, and not ours. */
export async function filesOf(world) {
  const [server] = world.servers;
  const files = new Map();
  for (const name of ['keyring', 'stamp', 'head', 'bundle']) {
    const path = `/.well-known/portcullis/${name}`;
    files.set(path, (await ask(server.url + path)).body);
  }
  return files;
}
