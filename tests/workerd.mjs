// How workerd is started: its arguments, where it listens, and the configuration of a Worker. Used by
// the tests, the campaigns and the benchmarks, which own the processes in different ways.

import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const TYPES = { wasm: 'wasm', json: 'json', bin: 'data' };

/** The arguments for the Worker of `config`, on any free port of loopback. */
export function workerdArgs(config, flags = []) {
  return ['serve', config, '--socket-addr', 'http=127.0.0.1:0', '--control-fd=3', ...flags];
}

/** The port in what workerd has written to file descriptor 3 so far; undefined until it listens. */
export function portOf(output) {
  const port = /"event":"listen".*"port":(\d+)\D/.exec(output)?.[1];
  return port === undefined ? undefined : Number(port);
}

/** A file as a module of a Worker; by default it lies beside the configuration under its own name. */
export function moduleOf(name, path = name) {
  const type = TYPES[name.split('.').pop()] ?? 'esModule';
  return `(name = "${name}", ${type} = embed "${path}")`;
}

/**
 * The text of a configuration: one Worker of these files, the main module first. `reaches` are the networks
 * that it may fetch from, `bindings` its bindings as the configuration spells them.
 */
export function configOf(files, { reaches = [], bindings = [] } = {}) {
  const network = `(name = "network", network = (allow = [${reaches.map((name) => `"${name}"`).join(', ')}])),`;
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [
        ${files.map((name) => moduleOf(name)).join(',\n        ')},
      ],
      compatibilityDate = "2026-04-01",
      globalOutbound = "network",
      bindings = [${bindings.join(', ')}],
    )),
    ${network}
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`;
}

/** Writes the configuration of a Worker into the folder of its files; returns the path. */
export function writeConfig(folder, files, options) {
  const config = join(folder, 'config.capnp');
  writeFileSync(config, configOf(files, options));
  return config;
}

/** Starts workerd, and waits until it listens. Its output goes to ours. Gives the port, and what ends it. */
export async function serve(program, config) {
  const child = spawn(program, workerdArgs(config), { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const stop = async () => {
    // On a milder signal it would wait for requests that a failed test has left hanging.
    if (child.exitCode === null && child.kill('SIGKILL')) await exited;
  };
  const port = await new Promise((resolve, reject) => {
    let output = '';
    child.once('error', reject);
    exited.then((code) => reject(new Error(`workerd ended with ${code}`)));
    child.stdio[3].on('data', (data) => {
      output += data;
      const port = portOf(output);
      if (port !== undefined) resolve(port);
    });
  });
  return { port, stop };
}
