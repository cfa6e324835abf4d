// The gate's memory while requests cycle over many distinct keys, of every kind, with owners, policies and
// a rate class, while keys are revoked and uses are reported; beside a Worker that only passes the same requests on.
// Sampled once a second, from when each key has come twice: V8 lets a heap grow before it collects for the first time.

import { readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { PASS, ask, bearer, pause, quick, serving, status, until } from './serving.mjs';

const [program, workerd, folder] = process.argv.slice(2);
const [KEYS, SECONDS] = quick ? [10_000, 20] : [100_000, 300];
const LANES = 16;
const REVOKED_EVERY = 500;
const ROUTES = [{ path: '/**', kinds: ['secret', 'publishable'] }];
const CLASSES = { gold: { limit: 10_000, period: 60 } };

await serving(folder, async (place) => {
  const [issuer, origin] = [await place.issuer(program), await place.origin()];
  const keys = await make(issuer);
  const scopes = ['--scope', 'gates:read', '--scope', 'gates:report'];
  const { token } = JSON.parse(issuer.cli('keys', 'create', '--admin', ...scopes, '--title', 'Gate'));
  const settings = place.settings(issuer, origin, {
    GATE_KEY: token,
    REPORT_USAGE: 'true',
    ROUTES: JSON.stringify(ROUTES),
    RATE_CLASSES: JSON.stringify(CLASSES),
  });
  const gate = await place.worker(workerd, place.gate('gate'), settings);
  const agent = new Agent({ keepAlive: true });
  const statusOf = async (key) => (await ask(`${gate.base}/orders`, { headers: bearer(key.token), agent })).status;
  await until('the gate is open', async () => (await statusOf(keys[0])) === 200);
  const pass = await place.worker(workerd, place.script('pass', PASS), settings);
  await ask(`${pass.base}/orders`, { agent });

  const workers = { gate, 'pass-through': pass };
  const facts = {};
  const bytes = {};
  const names = Object.keys(workers);
  const each = (note) => {
    for (const name of names) {
      const held = memory(workers[name].pid);
      for (const kind of Object.keys(held)) note(`soak, ${name}, ${kind}`, held[kind]);
    }
  };
  const weigh = (when) => each((name, held) => (facts[`${name} ${when}`] = held));
  weigh('at first');
  const tokens = keys.map((key) => key.token);
  const [load, control] = [await place.load(gate, tokens, LANES), await place.load(pass, tokens, LANES)];
  await until('every key was seen once', () => answered(load.now) >= KEYS, 600);
  weigh('after every key once');
  await until('every key was seen twice', () => answered(load.now) >= 2 * KEYS, 600);
  const before = load.now;

  const perMinute = [];
  const revoked = [];
  let over = false;
  const revoke = async () => {
    // Spread over all kinds: they were shuffled.
    for (let at = 0; !over; at += 1) {
      await Promise.all([issuer.api('POST', `/v1/keys/${keys[at].id}/revoke`, {}), pause(REVOKED_EVERY)]);
      revoked.push(keys[at]);
    }
  };
  const revoking = revoke();
  const from = Date.now();
  for (let second = 1; second <= SECONDS; second += 1) {
    await pause(from + second * 1000 - Date.now());
    each((name, held) => (bytes[name] ??= []).push(held));
    if (second % 60 === 0) perMinute.push(answered(load.now));
  }
  over = true;
  await revoking;
  const after = load.now;
  const { bounds } = await status(gate, issuer.admin, agent);
  await Promise.all([load.stop(), control.stop()]);
  await pause(bounds.soft_ms);
  for (const key of revoked) if ((await statusOf(key)) !== 401) throw new Error('a revoked key passes');
  agent.destroy();

  const during = (name) => after[name] - before[name];
  Object.assign(facts, {
    'soak, keys': KEYS,
    'soak, seconds': SECONDS,
    'soak, keys revoked meanwhile': revoked.length,
    'soak, passed': during('passed'),
    'soak, refused': during('refused'),
    'soak, answered otherwise': during('other'),
    'soak, connections broken': during('broken'),
  });
  perMinute.forEach((count, minute) => {
    facts[`soak, requests until minute ${minute + 1}`] = count - answered(before);
  });
  return { samples: {}, facts, bytes };
});

/** Keys of each kind, in an order of chance. */
async function make(issuer) {
  const owner = async (name) => (await issuer.api('POST', '/v1/owners', { name })).number;
  const policy = async (body) => (await issuer.api('POST', '/v1/policies', body)).number;
  const orders = { name: 'Orders', visibility: 'private', paths: ['/orders/**'], methods: ['GET'], scopes: ['orders:read'] };
  const gold = { name: 'Gold', visibility: 'private', rate_class: 'gold', scopes: ['orders:read'] };
  const shop = { name: 'Shop', visibility: 'public', sales_channels: ['web'], scopes: ['store:read'] };
  const [store, warehouse] = [await owner('Store'), await owner('Warehouse')];
  const [ordersNumber, goldNumber, shopNumber] = [await policy(orders), await policy(gold), await policy(shop)];
  const share = (percent, ...options) => issuer.keys((KEYS * percent) / 100, ...options);
  const numbered = (owned, number) => ['--owner', String(owned), '--policy', String(number)];
  return shuffled([
    ...share(60),
    ...share(10, '--owner', String(store)),
    ...share(10, ...numbered(store, ordersNumber)),
    ...share(5, ...numbered(warehouse, goldNumber)),
    ...share(10, '--kind', 'publishable'),
    ...share(5, '--kind', 'publishable', ...numbered(warehouse, shopNumber)),
  ]);
}

function shuffled(list) {
  for (let at = list.length - 1; at > 0; at -= 1) {
    const other = Math.floor(Math.random() * (at + 1));
    [list[at], list[other]] = [list[other], list[at]];
  }
  return list;
}

function answered({ passed, refused, other }) {
  return passed + refused + other;
}

/** What a process has in memory, and what of that is no file's: in bytes. */
function memory(pid) {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const of = (name) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(text)[1]) * 1024;
  return { resident: of('VmRSS'), anonymous: of('RssAnon') };
}
