// A run: seeded requests through gates, several connections at once, and what became of them.

import { anyRequest } from './mutations/index.mjs';
import { addressesOf } from './expected.mjs';
import { bytesOf, exchange } from './raw.mjs';
import { randomOf } from './random.mjs';
import { violationsIn } from './oracle.mjs';

const CONNECTIONS = 12;

/** The requests of a run, in scripts: each is for one gate and over one connection. */
function scriptsOf({ seed, first, count, gates, keys }) {
  const scripts = [];
  for (let at = first; at < first + count;) {
    const script = randomOf(seed, -1 - at);
    const gate = script.pick(gates);
    const requests = [];
    for (let length = 1 + script.below(6); length > 0 && at < first + count; length--, at++) {
      const request = anyRequest(randomOf(seed, at), gate, keys, String(at));
      Object.assign(request, { bytes: bytesOf(request), addresses: addressesOf(request) });
      if (request.alone) scripts.push({ gate, requests: [request], together: false });
      else requests.push(request);
    }
    if (requests.length > 0) scripts.push({ gate, requests, together: script.chance(0.3) });
  }
  return scripts;
}

/**
 * Sends `count` requests. `portOf` gives the port of a gate, `origins` what they understood. Gives how many were
 * sent and arrived, how they were answered, and the violations.
 */
export async function run({ seed, count, gates, keys, portOf, origins, batch = 2_000 }) {
  const result = { sent: 0, arrived: 0, violations: [], statuses: {}, unanswered: [], byGate: {}, byMutation: {} };
  // What an earlier run left behind is not this one's.
  await origins.understood();
  const sent = new Map();
  for (let first = 0; first < count; first += batch) {
    const scripts = scriptsOf({ seed, first, count: Math.min(batch, count - first), gates, keys });
    const requests = scripts.flatMap((script) => script.requests);
    // All of the run: one that got no answer may arrive late.
    for (const request of requests) sent.set(request.id, request);
    const queue = [...scripts];
    const work = async () => {
      for (let script = queue.shift(); script; script = queue.shift()) {
        const answers = await exchange(portOf(script.gate), script.requests, script.together);
        script.requests.forEach((request, at) => (request.answer = answers[at]));
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, work));
    const heard = await origins.understood();
    note(result, requests, heard);
    result.violations.push(...violationsIn(sent, heard, keys));
  }
  return result;
}

function note(result, requests, heard) {
  const arrived = new Set(heard.map(({ id }) => id));
  const count = (table, name, did) => {
    table[name] ??= [0, 0];
    table[name][1]++;
    if (did) table[name][0]++;
  };
  for (const request of requests) {
    const did = arrived.has(request.id);
    result.sent++;
    if (did) result.arrived++;
    const status = request.answer?.status ?? 'none';
    result.statuses[status] = (result.statuses[status] ?? 0) + 1;
    if (!request.answer) result.unanswered.push(request);
    count(result.byGate, request.gate.name, did);
    for (const mutation of request.mutations.length > 0 ? request.mutations : ['nothing'])
      count(result.byMutation, mutation, did);
  }
}

/** What a run was worth, in a few lines. */
export function summary({ sent, arrived, violations, statuses, unanswered, byGate, byMutation }) {
  const share = ([did, all]) => `${did}/${all}`;
  const table = (of) =>
    Object.entries(of)
      .map(([name, counts]) => `${name} ${share(counts)}`)
      .join(', ');
  return [
    `${arrived} of ${sent} requests reached an origin (${Math.round((100 * arrived) / sent)} %), ${unanswered.length} got no answer, ${violations.length} violations`,
    `answers: ${Object.entries(statuses)
      .map(([status, count]) => `${status}: ${count}`)
      .join(', ')}`,
    `arrived by gate: ${table(byGate)}`,
    `arrived by change: ${table(byMutation)}`,
  ].join('\n');
}
