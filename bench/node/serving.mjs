// Issuer, origin and Workers on loopback, as real processes. What is started here is ended here.

import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { dirname, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { portOf, workerdArgs, writeConfig } from '../../tests/workerd.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const GATE = here('../../crates/gate-worker/workerd.capnp');

export const quick = process.argv.includes('--quick');
export const pause = (millis) => new Promise((resolve) => setTimeout(resolve, millis));

/** Asks until the answer is true; fails after `seconds`. */
export async function until(what, question, seconds = 30) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await question();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${seconds} s in vain: ${what}`);
    await pause(20);
  }
}

/** Prints what `measure` gives of a place to work at, and leaves neither processes nor files. */
export async function serving(folder, measure) {
  mkdirSync(folder, { recursive: true });
  const place = new Place(mkdtempSync(`${folder}/run-`));
  try {
    console.log(JSON.stringify(await measure(place)));
  } finally {
    await place.end();
  }
}

class Place {
  #started = new Set();

  constructor(folder) {
    this.folder = folder;
  }

  /** Starts a program, alone on a `processor` where that is said, and waits for the line of its standard output, or of `heard`, that `ready` makes something of. */
  async start(program, args, ready, { env = {}, heard = 1, processor } = {}) {
    const from = process.hrtime.bigint();
    // Their logs are a line for each refused key, and for each revocation.
    const stdio = heard === 3 ? ['ignore', 'ignore', 'ignore', 'pipe'] : ['ignore', 'pipe', 'ignore'];
    const pinned = processor === undefined ? [] : ['taskset', '-c', String(processor)];
    const [first, ...others] = [...pinned, program, ...args];
    const child = spawn(first, others, { stdio, env: { ...process.env, ...env } });
    const ended = new Promise((resolve) => child.once('close', resolve));
    const stop = async () => {
      child.kill();
      await ended;
      this.#started.delete(stop);
    };
    this.#started.add(stop);
    const lines = createInterface({ input: child.stdio[heard] });
    const found = await new Promise((resolve, reject) => {
      child.once('error', reject);
      lines.on('line', (line) => {
        const value = ready(line);
        if (value !== undefined) resolve(value);
      });
      ended.then(() => reject(new Error(`${program} ended before it was ready`)));
    });
    return { pid: child.pid, child, lines, found, from, stop };
  }

  /** An issuer that is served, by the program as it is released. */
  async issuer(program) {
    const home = `${this.folder}/issuer`;
    const options = { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'] };
    const cli = (...args) => execFileSync(program, ['--home', home, '--json', ...args], options);
    const { root, admin_key: admin } = JSON.parse(cli('init'));
    const secrets = cli('keyring', 'export', '--gate').trim();
    const serve = ['--home', home, 'serve', '--listen', '127.0.0.1:0', '--rate-limit', '0'];
    const { found: url } = await this.start(program, serve, (line) => /http:\/\/[\d.]+:\d+/.exec(line)?.[0]);
    const agent = new Agent({ keepAlive: true });
    const api = async (method, path, body) => {
      const headers = { authorization: `Bearer ${admin}`, 'content-type': 'application/json' };
      const { status, text } = await ask(url + path, { method, headers, body: JSON.stringify(body), agent });
      if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
      return JSON.parse(text);
    };
    /** Many keys of a kind, by `keys create`. */
    const keys = (count, ...options) =>
      cli('keys', 'create', '--title', 'Device {n}', '--count', String(count), ...options)
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
    return { url, root, secrets, admin, cli, api, keys };
  }

  async origin(how) {
    const { found } = await this.start(process.execPath, [here('origin.mjs')], Number, how);
    return `http://127.0.0.1:${found}`;
  }

  /** A Worker by its configuration, with these variables. */
  async worker(workerd, config, env = {}, how = {}) {
    const worker = await this.start(workerd, workerdArgs(config), portOf, { ...how, env, heard: 3 });
    const base = `http://127.0.0.1:${worker.found}`;
    return Object.assign(worker, { port: worker.found, base });
  }

  /** The gate's settings that every measurement has. */
  settings(issuer, origin, more = {}) {
    const { url, root, secrets } = issuer;
    return { ISSUER_URL: url, ORIGIN_URL: origin, ROOT: root, ENVIRONMENT: 'live', HMAC_KEYS: secrets, ...more };
  }

  /** The gate's configuration with a list that is deployed with it, or a cache at this address. */
  gate(name, { bundle, cache } = {}) {
    const folder = `${this.folder}/${name}`;
    mkdirSync(folder);
    let config = readFileSync(GATE, 'utf8').replaceAll('embed "', `embed "${relative(folder, dirname(GATE))}/`);
    if (bundle) {
      writeFileSync(`${folder}/bundle.bin`, bundle);
      config = config.replace(/embed "[^"]*bundle\.bin"/, 'embed "bundle.bin"');
    }
    if (cache) {
      const service = `(name = "cache", external = (address = "${new URL(cache).host}", http = ())),`;
      config = config.replace('services = [', `services = [${service}`);
      config = config.replace('globalOutbound =', 'cacheApiOutbound = "cache", globalOutbound =');
    }
    writeFileSync(`${folder}/gate.capnp`, config);
    return `${folder}/gate.capnp`;
  }

  /** The configuration of a Worker with nothing but this module. */
  script(name, module) {
    const folder = `${this.folder}/${name}`;
    mkdirSync(folder);
    writeFileSync(`${folder}/main.js`, module);
    const bindings = ['(name = "ORIGIN_URL", fromEnvironment = "ORIGIN_URL")'];
    return writeConfig(folder, ['main.js'], { reaches: ['public', 'private'], bindings });
  }

  /** Requests without a pause over so many connections, from a process of its own: see load.mjs. */
  async load(worker, tokens, lanes) {
    const file = `${this.folder}/tokens-${worker.port}`;
    writeFileSync(file, tokens.join('\n'));
    const counts = (line) => JSON.parse(line);
    const args = [here('load.mjs'), String(worker.port), file, String(lanes)];
    const { lines, found, stop } = await this.start(process.execPath, args, counts);
    const load = { now: found, stop };
    lines.on('line', (line) => (load.now = counts(line)));
    return load;
  }

  async end() {
    await Promise.all([...this.#started].map((stop) => stop()));
    rmSync(this.folder, { recursive: true });
  }
}

/** A Worker that passes requests on and does nothing else. */
export const PASS = `export default {
  fetch(request, env) {
    const { url } = request;
    return fetch(new Request(env.ORIGIN_URL + url.slice(url.indexOf('/', 8)), request));
  },
};
`;

/** One request; `nanos` is the time until the answer was read. */
export function ask(url, { method = 'GET', headers = {}, body, agent } = {}) {
  return new Promise((resolve, reject) => {
    const from = process.hrtime.bigint();
    const outgoing = request(url, { method, headers, agent }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => {
        resolve({ status: response.statusCode, text, nanos: Number(process.hrtime.bigint() - from) });
      });
    });
    outgoing.on('error', (error) => {
      // The other side had just closed the connection that was kept: nothing was asked yet.
      if (outgoing.reusedSocket && error.code === 'ECONNRESET') resolve(ask(url, { method, headers, body, agent }));
      else reject(error);
    });
    outgoing.end(body);
  });
}

export const bearer = (token) => ({ authorization: `Bearer ${token}` });

/** The status page, for an admin key. */
export async function status(gate, admin, agent) {
  const { text } = await ask(`${gate.base}/.portcullis/status`, { headers: bearer(admin), agent });
  return JSON.parse(text);
}
