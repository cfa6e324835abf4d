// The first request of a gate that has just started, and how long starting takes, beside Workers that only
// pass requests on or only answer. Each in a process of its own, because the second request finds all made.

import { readFileSync } from 'node:fs';
import { Agent, createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { PASS, ask, bearer, pause, quick, serving } from './serving.mjs';

const [program, workerd, folder] = process.argv.slice(2);
const ROUNDS = quick ? 4 : 25;
const [KEYS, REVOKED] = [20_000, 200];
// What a Worker still does when it listens already is not the first request's.
const SETTLED = 150;
const ANSWER = `export default { fetch: () => new Response('Hello, world') };
`;

await serving(folder, async (place) => {
  const [issuer, origin, cache] = [await place.issuer(program), await place.origin(), await startCache()];
  const keys = issuer.keys(KEYS);
  await issuer.api('POST', '/v1/keys/revoke', { ids: keys.splice(0, REVOKED).map(({ id }) => id) });
  const file = `${place.folder}/list`;
  issuer.cli('bundle', '--out', file);
  const bundle = readFileSync(file);
  const settings = place.settings(issuer, origin);
  const configs = {
    'only an answer': place.script('answer', ANSWER),
    'pass-through': place.script('pass', PASS),
    'gate, nothing held': place.gate('empty'),
    'gate, a floor in the cache': place.gate('floor', { cache: cache.url }),
    'gate, a list deployed with it': place.gate('baked', { bundle }),
    'gate, both': place.gate('both', { bundle, cache: cache.url }),
  };

  // Of two keys: the second request finds the isolate made, and not the key.
  const measure = async (config, settled) => {
    const worker = await place.worker(workerd, config, settings);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    try {
      if (settled) await pause(SETTLED);
      const nanos = [];
      for (const { token } of keys.slice(0, 2)) {
        const answer = await ask(`${worker.base}/`, { headers: bearer(token), agent });
        if (answer.status !== 200) throw new Error(`${config} answered ${answer.status}: ${answer.text}`);
        nanos.push(answer.nanos);
        if (nanos.length === 1) nanos.total = Number(process.hrtime.bigint() - worker.from);
      }
      return nanos;
    } finally {
      agent.destroy();
      await worker.stop();
    }
  };
  // Also warms this process up, and puts a floor into the cache.
  for (const config of Object.values(configs)) await measure(config, true);
  if (cache.kept.size === 0) throw new Error('no floor was kept');

  const samples = {};
  const add = (name, value) => (samples[name] ??= []).push(value);
  const names = Object.keys(configs);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (let turn = 0; turn < names.length; turn += 1) {
      const name = names[(turn + round) % names.length];
      const [first, second] = await measure(configs[name], true);
      add(`cold, ${name}, first request`, first);
      add(`cold, ${name}, second request`, second);
      add(`cold, ${name}, start to first answer`, (await measure(configs[name], false)).total);
    }
  }
  cache.server.close();
  return { samples, facts: { ...sizes(), 'cold, list deployed, bytes': bundle.length } };
});

/** What the gate weighs, as workerd and wrangler take it. */
function sizes() {
  const edge = (path) => readFileSync(fileURLToPath(new URL(`../../crates/gate-worker/${path}`, import.meta.url)));
  const parts = { module: [edge('build/index_bg.wasm')], glue: [edge('build/index.js'), edge('entry.js')] };
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 22 };
  const facts = {};
  for (const [part, files] of Object.entries(parts)) {
    const sum = (weigh) => files.reduce((total, file) => total + weigh(file).length, 0);
    facts[`gate, ${part}, bytes`] = sum((file) => file);
    facts[`gate, ${part}, gzip`] = sum((file) => gzipSync(file, { level: 9 }));
    facts[`gate, ${part}, brotli`] = sum((file) => brotliCompressSync(file, { params }));
  }
  return facts;
}

/** The cache behind the Cache API, as workerd speaks to it: what it keeps is a whole HTTP message. */
async function startCache() {
  const kept = new Map();
  const server = createServer(async (incoming, outgoing) => {
    const name = `${incoming.headers.host}${incoming.url}`;
    if (incoming.method === 'PUT') {
      kept.set(name, Buffer.concat(await incoming.toArray()));
      return outgoing.writeHead(204).end();
    }
    const message = kept.get(name);
    if (!message) return outgoing.writeHead(504, { 'cf-cache-status': 'MISS' }).end();
    const end = message.indexOf('\r\n\r\n');
    const lines = message.subarray(0, end).toString().split('\r\n').slice(1);
    outgoing.writeHead(200, { ...Object.fromEntries(lines.map((line) => line.split(': '))), 'cf-cache-status': 'HIT' });
    outgoing.end(message.subarray(end + 4));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, kept, server };
}
