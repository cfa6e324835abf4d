// The gate beside a Worker that passes requests on and does nothing else, a copy of that one as
// control, and the same written so that the runtime copies each request once: requests a second and processor time a request, each in a workerd of its own.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const [portcullis, workerd, folder] = process.argv.slice(2);
const quick = process.argv.includes('--quick');
const [ROUNDS, SECONDS] = quick ? [3, 1] : [11, 3];
const GATE = fileURLToPath(new URL('../../crates/edge/workerd.capnp', import.meta.url));
const TICK_NS = 1e9 / Number(execFileSync('getconf', ['CLK_TCK']));

const PASS = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "main.js", esModule = embed "pass.js")],
      compatibilityDate = "2026-04-01",
      globalOutbound = "network",
      bindings = [(name = "ORIGIN_URL", fromEnvironment = "ORIGIN_URL")],
    )),
    (name = "network", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`;
const LEAN_JS = `export default {
  fetch(request, env) {
    const { url } = request;
    return fetch(env.ORIGIN_URL + url.slice(url.indexOf('/', 8)), request);
  },
};
`;
const PASS_JS = `export default {
  fetch(request, env) {
    const { url } = request;
    return fetch(new Request(env.ORIGIN_URL + url.slice(url.indexOf('/', 8)), request));
  },
};
`;

if (spawnSync('wrk', ['--version']).error) {
  console.error('the gate is not measured: it takes `wrk` (apt-get install wrk)');
  console.log(JSON.stringify({ samples: {}, facts: {} }));
} else {
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(`${folder}/gate-`);
  const children = [];
  try {
    console.log(JSON.stringify(await measure(work, children)));
  } finally {
    for (const child of children) child.kill();
    rmSync(work, { recursive: true });
  }
}

async function measure(work, children) {
  const start = async (program, args, find, env = {}, stdio = ['ignore', 'pipe', 'ignore'], cpu) => {
    // Workers alone on one processor, what asks and answers on the other.
    const pinned = cpu === undefined ? [program, args] : ['taskset', ['-c', String(cpu), program, ...args]];
    const child = spawn(...pinned, { stdio, env: { ...process.env, ...env } });
    children.push(child);
    const lines = createInterface({ input: child.stdio[stdio.length - 1] ?? child.stdout });
    for await (const line of lines) {
      const found = find(line);
      if (found !== undefined) {
        lines.close();
        return { child, found };
      }
    }
    throw new Error(`${program} ended before it was ready`);
  };
  const worker = (config, env) =>
    start(workerd, ['serve', '--control-fd=3', config, '--socket-addr', 'http=127.0.0.1:0'], (line) => JSON.parse(line).port,
      env, ['ignore', 'ignore', 'inherit', 'pipe'], 0);

  const home = `${work}/issuer`;
  const cli = (...args) => execFileSync(portcullis, ['--home', home, '--json', ...args], { encoding: 'utf8' });
  const { root } = JSON.parse(cli('init'));
  const secrets = cli('keyring', 'export', '--gate');
  const { token } = JSON.parse(cli('keys', 'create', '--title', 'bench'));
  const issuer = await start(portcullis, ['--home', home, 'serve', '--listen', '127.0.0.1:0'], (line) => /http:\S+/.exec(line)?.[0]);
  issuer.child.stdout.resume();
  const origin = await start(process.execPath, [fileURLToPath(new URL('origin.mjs', import.meta.url))], (line) => Number(line),
    {}, undefined, 1);
  const ORIGIN_URL = `http://127.0.0.1:${origin.found}`;

  writeFileSync(`${work}/pass.capnp`, PASS);
  writeFileSync(`${work}/pass.js`, PASS_JS);
  writeFileSync(`${work}/lean.capnp`, PASS.replace('pass.js', 'lean.js'));
  writeFileSync(`${work}/lean.js`, LEAN_JS);
  const settings = { ISSUER_URL: issuer.found, ORIGIN_URL, ROOT: root, ENVIRONMENT: 'live', HMAC_KEYS: secrets };
  const subjects = {
    'pass-through': await worker(`${work}/pass.capnp`, { ORIGIN_URL }),
    gate: await worker(GATE, settings),
    'lean pass-through': await worker(`${work}/lean.capnp`, { ORIGIN_URL }),
    'pass-through, a copy': await worker(`${work}/pass.capnp`, { ORIGIN_URL }),
  };

  const samples = {};
  const add = (name, value) => (samples[name] ??= []).push(value);
  const once = (name, seconds) => {
    const { child, found } = subjects[name];
    const before = ticks(child.pid);
    const requests = ask(found, token, seconds);
    return { wall: 1e9 / requests.rate, cpu: ((ticks(child.pid) - before) * TICK_NS) / requests.many };
  };
  const names = Object.keys(subjects);
  for (const name of names) once(name, 1);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (let turn = 0; turn < names.length; turn += 1) {
      const name = names[(turn + round) % names.length];
      const { wall, cpu } = once(name, SECONDS);
      add(`${name}, a request`, wall);
      add(`${name}, CPU of a request`, cpu);
    }
  }
  return { samples, facts: {} };
}

/** User and system time of a process so far. */
function ticks(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** Asks for so many seconds over 16 connections, with the headers of a usual client. */
function ask(port, token, seconds) {
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
    ['-c', '1', 'wrk', '-t1', '-c16', `-d${seconds}s`, ...given, `http://127.0.0.1:${port}/orders?page=2`],
    { encoding: 'utf8' },
  );
  if (/Non-2xx|Socket errors/.test(said)) throw new Error(said);
  return {
    rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(said)[1]),
    many: Number(/(\d+) requests in/.exec(said)[1]),
  };
}
