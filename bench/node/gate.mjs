// The gate beside a Worker that passes requests on and does nothing else, a copy of that one as
// control, and the same written so that the runtime copies each request once: requests a second and
// processor time a request. And the gate's decision by itself.
//
// Two processes that run the same differ by a twentieth and more, and the machine wanders from one second to
// the next: so each Worker runs twice, in every combination with the others, and rounds are many and short.

import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { PASS, ask, bearer, quick, serving } from './serving.mjs';

const [program, workerd, folder] = process.argv.slice(2);
// Each pair of processes in as many rounds as any other.
const ROUNDS = quick ? 4 : 48;
const DECIDED = quick ? 3 : 11;
// Decisions in one request: some tenths of a second, so that the request around them is nothing.
const DECISIONS = 100_000;

const LEAN = `export default {
  fetch(request, env) {
    const { url } = request;
    return fetch(env.ORIGIN_URL + url.slice(url.indexOf('/', 8)), request);
  },
};
`;

// What the gate's entry does up to the decision, as often as it is told; any other request is the gate's.
const DECIDE = `import Gate, { FastPath } from './build/index.js';
export default {
  async fetch(request, env, ctx) {
    const { method, url, headers } = request;
    const many = Number(headers.get('x-decisions'));
    if (!(many > 0)) return new Gate(ctx, env).fetch(request);
    const tokens = (await request.text()).split(' ');
    const { plan } = FastPath;
    const now = Date.now();
    let passed = 0;
    for (let at = 0; at < many; at += 1) {
      const asked = method + '\\n' + url + '\\n\\n\\nauthorization\\nBearer ' + tokens[at % tokens.length];
      if (plan(asked, now) !== undefined) passed += 1;
    }
    return new Response(String(passed));
  },
};
`;

// Without it the page would lose its rows of the gate, and nobody would be told.
if (spawnSync('wrk', ['--version']).error) {
  throw new Error('the gate is measured with `wrk`: install it (apt-get install wrk)');
}
await serving(folder, measure);

async function measure(place) {
  // What asks and answers on one processor, the Workers alone on the other.
  const [issuer, origin] = [await place.issuer(program), await place.origin({ processor: 1 })];
  const [{ token }, ...others] = issuer.keys(64);
  const settings = place.settings(issuer, origin);
  const worker = (config) => place.worker(workerd, config, settings, { processor: 0 });
  const configs = {
    'pass-through': place.script('pass', PASS),
    gate: place.gate('gate'),
    'lean pass-through': place.script('lean', LEAN),
    'pass-through, a copy': place.script('copy', PASS),
  };
  const names = Object.keys(configs);
  const subjects = [];
  for (const name of names) subjects.push([await worker(configs[name]), await worker(configs[name])]);

  const samples = {};
  const add = (name, value) => (samples[name] ??= []).push(value);
  const once = ({ pid, port }) => {
    const before = busy(pid);
    const requests = load(port, token);
    return { wall: 1e9 / requests.rate, cpu: (busy(pid) - before) / requests.many };
  };
  for (const pair of subjects) pair.forEach(once);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (let turn = 0; turn < names.length; turn += 1) {
      const at = (turn + round) % names.length;
      const { wall, cpu } = once(subjects[at][(round >> at) & 1]);
      add(`${names[at]}, a request`, wall);
      add(`${names[at]}, CPU of a request`, cpu);
    }
  }

  const deciding = await worker(decidingGate(place));
  const tokens = [token, ...others.map((key) => key.token)];
  await decide(deciding, tokens);
  for (let round = 0; round < DECIDED; round += 1) add('gate, the decision', await decide(deciding, tokens));
  return { samples, facts: {} };
}

function decidingGate(place) {
  const config = place.gate('deciding');
  writeFileSync(`${dirname(config)}/decide.js`, DECIDE);
  const text = readFileSync(config, 'utf8');
  writeFileSync(config, text.replace(/(name = "entry\.js", esModule = embed )"[^"]*"/, '$1"decide.js"'));
  return config;
}

/** The time of one decision, in nanoseconds. */
async function decide({ base }, tokens) {
  const headers = bearer(tokens[0]);
  // A fresh list, so that the fast path may be taken.
  const { status } = await ask(`${base}/orders?page=2`, { headers });
  if (status !== 200) throw new Error(`the gate answered ${status} to a good key`);
  const body = tokens.join(' ');
  const timed = async (many) => {
    const asked = { method: 'POST', headers: { ...headers, 'x-decisions': String(many) }, body };
    const { text, nanos } = await ask(`${base}/orders?page=2`, asked);
    if (Number(text) !== many) throw new Error(`${text} of ${many} requests were forwarded at once`);
    return nanos;
  };
  const around = await timed(1);
  return ((await timed(DECISIONS + 1)) - around) / DECISIONS;
}

/** The processor time of a process so far, in nanoseconds. */
function busy(pid) {
  const threads = readdirSync(`/proc/${pid}/task`);
  const spent = (thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
  return threads.reduce((sum, thread) => sum + spent(thread), 0);
}

/** Asks for a second over 16 connections, with the headers of a usual client. */
function load(port, token) {
  const headers = {
    authorization: `Bearer ${token}`,
    accept: 'application/json',
    'accept-encoding': 'gzip, br',
    'accept-language': 'en',
    'user-agent': 'bench',
    'x-request-id': '7f0c9a52',
    'portcullis-key': 'spoofed',
  };
  const given = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const said = execFileSync(
    'taskset',
    ['-c', '1', 'wrk', '-t1', '-c16', '-d1s', ...given, `http://127.0.0.1:${port}/orders?page=2`],
    { encoding: 'utf8' },
  );
  if (/Non-2xx|Socket errors/.test(said)) throw new Error(said);
  return {
    rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(said)[1]),
    many: Number(/(\d+) requests in/.exec(said)[1]),
  };
}
