// The gate as it is deployed, in real workerd.

import { readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { moduleOf, portOf, workerdArgs } from '../../workerd.mjs';
import { handedOver, start, temporaryFolder, until } from './processes.mjs';

const CONFIG = fileURLToPath(new URL('../../../crates/gate-worker/workerd.capnp', import.meta.url));
const MODULES = /modules = \[[^\]]*\]/;

/**
 * The gate's configuration with what a test binds to it: `kv`, `r2` and `cache` are stores, `around` a
 * module that stands in for the built one and finds that as `./real.js`, `beside` what else it imports,
 * `bundle` the list that is deployed with it, `front` the service that requests come to, `services` are
 * more services, `bindings` more bindings, as the configuration spells them, `extensions` modules
 * that such are made of, `flags` are workerd's. `example` is a folder with a Worker of somebody else,
 * in the gate's place, and then `around` finds that as `./index.js`; `deployed` a folder that wrangler wrote.
 */
async function configWith(bound) {
  const { kv, r2, cache, bundle, example, deployed, around, beside = {} } = bound;
  const { front = 'gate', services = [], bindings = [] } = bound;
  const stores = Object.entries({ kv, r2, cache }).filter(([, store]) => store);
  const external = stores.map(
    ([name, store]) => `(name = "${name}", external = (address = "${new URL(store.url).host}", http = ())),`,
  );
  const ours = [
    kv && '(name = "LIST_KV", kvNamespace = "kv"),',
    r2 && '(name = "LIST_R2", r2Bucket = "r2"),',
    ...bindings,
  ];
  const folder = await temporaryFolder();
  const config = (await readFile(CONFIG, 'utf8'))
    .replace('service = "gate")', `service = "${front}")`)
    .replaceAll('embed "', `embed "${relative(folder, dirname(CONFIG))}/`)
    .replace(MODULES, (own) => (example ? modulesOf(relative(folder, example), around) : own))
    .replace(MODULES, (own) => (deployed ? deployedModules(relative(folder, deployed), readdirSync(deployed)) : own))
    // The gate's own: a service that comes in front of it may have bindings as well.
    .replace('bindings = [', `bindings = [${ours.filter(Boolean).join('')}`)
    .replace('globalOutbound =', `${cache ? 'cacheApiOutbound = "cache", ' : ''}globalOutbound =`)
    .replace('sockets = [', `extensions = [${(bound.extensions ?? []).join('')}], sockets = [`)
    .replace('services = [', `services = [${external.join('')}${services.join('')}`);
  if (around) await writeFile(join(folder, 'around.js'), around);
  for (const [name, text] of Object.entries(beside)) await writeFile(join(folder, name), text);
  const file = join(folder, 'gate.capnp');
  if (bundle) await writeFile(join(folder, 'bundle.bin'), bundle);
  const own = bundle ? config.replace(/embed "[^"]*bundle\.bin"/, 'embed "bundle.bin"') : config;
  const built = /\(name = "build\/index\.js", esModule = (embed "[^"]*")\),/;
  const both = '(name = "build/index.js", esModule = embed "around.js"), (name = "build/real.js", esModule = $1),';
  const more = Object.keys(beside).map((name) => `(name = "build/${name}", esModule = embed "${name}"),`);
  await writeFile(file, around && !example ? own.replace(built, both + more.join('')) : own);
  return file;
}

function modulesOf(example, around) {
  const built = ['index.js', 'index_bg.wasm'].map((name) => moduleOf(name, `${example}/${name}`));
  return `modules = [${[...(around ? [moduleOf('around.js')] : []), ...built].join(', ')}]`;
}

function deployedModules(folder, names) {
  // The entry comes first: it is what the runtime calls.
  const modules = ['entry.js', '.wasm', '.bin'].flatMap((end) =>
    names.filter((name) => name.endsWith(end)).map((name) => moduleOf(name, `${folder}/${name}`)),
  );
  return `modules = [${modules.join(', ')}]`;
}

/** Starts the example of a Rust Worker that verifies keys itself; `around` is a module that hands it its requests. */
export function startRustWorker(settings, around) {
  return startGate(settings, { example: handedOver('PORTCULLIS_RUST_WORKER'), around });
}

/**
 * Starts a gate; `settings` are its variables, by the names of wrangler.toml, `bound` what is bound
 * to it beside them.
 */
export async function startGate(settings, bound) {
  const config = bound ? await configWith(bound) : CONFIG;
  const gate = await start(
    handedOver('PORTCULLIS_WORKERD'),
    workerdArgs(config, bound?.flags),
    {
      env: { ENVIRONMENT: 'live', FRESH_FOR: '1', ...settings },
      ready: portOf,
    },
  );
  const url = `http://127.0.0.1:${gate.value}`;
  return Object.assign(gate, {
    url,
    /** The codes of all refusals so far, from the structured log. */
    codes: () => codes(gate.log),
    /** Waits until the log says why the last request was refused: it comes behind the answer. */
    refusedFor: (code) => until(`the log says ${code}`, () => codes(gate.log).at(-1) === code, 5),
    /** Waits until the log holds `text`. */
    says: (text) => until(`the log says ${text}`, () => gate.log.includes(text), 5),
    /** Asks the gate with a key as Bearer; headers as they are, nothing normalised. */
    ask: (key, { method = 'GET', path = '/', headers = {}, body } = {}) =>
      ask(url + path, method, { ...(key === undefined ? {} : { authorization: `Bearer ${key}` }), ...headers }, body),
  });
}

function codes(log) {
  return log
    .split('\n')
    .map((line) => line.slice(line.indexOf('{')))
    .filter((line) => line.startsWith('{"'))
    .flatMap((line) => {
      try {
        return [JSON.parse(line)];
      } catch {
        return []; // a line that is still on its way
      }
    })
    .filter((entry) => entry.event === 'refused')
    .map((entry) => entry.code);
}

function ask(url, method, headers, body) {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({
          status: response.statusCode,
          headers: response.headers,
          text,
          json: /json/.test(response.headers['content-type'] ?? '') ? JSON.parse(text) : undefined,
        });
      });
    });
    outgoing.on('error', (error) => {
      // The other side had just closed the connection that was kept: nothing was asked yet.
      if (outgoing.reusedSocket && error.code === 'ECONNRESET') resolve(ask(url, method, headers, body));
      else reject(error);
    });
    outgoing.end(body);
  });
}
