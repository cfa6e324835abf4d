// A gate with one request every ten seconds: its stamp is older than FRESH_FOR at each, so each waits for a
// fetch. Several gates take turns; one more, behind a relay that counts, shows what is fetched.

import { Agent, createServer, request } from 'node:http';
import { ask, bearer, pause, quick, serving, until } from './serving.mjs';

const [program, workerd, folder] = process.argv.slice(2);
const EVERY = 10_000;
const GATES = 8;
const TURNS = quick ? 2 : 6;
const BACK_TO_BACK = 200;

await serving(folder, async (place) => {
  const [issuer, origin] = [await place.issuer(program), await place.origin()];
  const [{ token }] = issuer.keys(1);
  const relay = await startRelay(issuer.url);
  const config = place.gate('gate');
  const settings = place.settings(issuer, origin);
  const gates = [];
  for (let at = 0; at < GATES; at += 1) gates.push(await place.worker(workerd, config, settings));
  const counted = await place.worker(workerd, config, { ...settings, ISSUER_URL: relay.url });
  const agent = new Agent({ keepAlive: true });
  const once = async (gate) => {
    const answer = await ask(`${gate.base}/`, { headers: bearer(token), agent });
    if (answer.status !== 200) throw new Error(`the gate answered ${answer.status}: ${answer.text}`);
    return answer.nanos;
  };
  for (const gate of [...gates, counted]) await until('the gate is open', () => once(gate));

  const slow = [];
  const fetched = [];
  const from = Date.now();
  const lane = async (gate, at, note) => {
    for (let turn = 1; turn <= TURNS; turn += 1) {
      await pause(from + turn * EVERY + (at * EVERY) / (GATES + 1) - Date.now());
      await note(gate);
    }
  };
  const lanes = gates.map((gate, at) => lane(gate, at, async () => slow.push(await once(gate))));
  const counting = lane(counted, GATES, async () => {
    const [many, bytes] = [relay.requests, relay.bytes];
    await once(counted);
    // What goes out behind the answer counts as well.
    await pause(500);
    fetched.push({ many: relay.requests - many, bytes: relay.bytes - bytes });
  });
  await Promise.all([...lanes, counting]);

  const warm = [];
  for (const gate of gates) {
    await once(gate);
    for (let turn = 0; turn < BACK_TO_BACK / GATES; turn += 1) warm.push(await once(gate));
  }
  agent.destroy();
  relay.server.close();
  relay.server.closeAllConnections();
  const mean = (name) => fetched.reduce((sum, one) => sum + one[name], 0) / fetched.length;
  return {
    samples: { 'idle, a request in 10 s': slow, 'idle, back to back': warm },
    facts: { 'idle, fetches a request': mean('many'), 'idle, bytes fetched a request': mean('bytes') },
  };
});

/** Stands between a gate and its issuer, and counts the answers and the bytes of their bodies. */
async function startRelay(upstream) {
  const relay = { requests: 0, bytes: 0 };
  const server = createServer((incoming, outgoing) => {
    relay.requests += 1;
    const { method, headers, url } = incoming;
    const onward = request(upstream + url, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.on('data', (data) => (relay.bytes += data.length));
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(relay, { server, url: `http://127.0.0.1:${server.address().port}` });
}
