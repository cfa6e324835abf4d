// One campaign: an issuer on one kind of database, everything that happens to it, and the last check.

import { Acts } from './acts.mjs';
import { Gates, NodeVerifier, WorkerdGate } from './gates.mjs';
import { all, listen } from './http.mjs';
import { Model } from './model.mjs';
import { pause, until } from './processes.mjs';
import { PROCESS_FAULTS } from './faults.mjs';
import { POSTGRES_FAULTS } from './faults-postgres.mjs';
import { Postgres } from './postgres.mjs';
import { KINDS, Supply, filesOf } from './supply.mjs';
import { Watch, atFolder, atServer } from './watch.mjs';
import { PROMISED_MS, STAMP_EVERY_MS, VALID_FOR_MS, World } from './world.mjs';

/** Runs faults until the time is over and each has happened as often as it must. */
async function strikes(world, faults, scene, ends) {
  const { random, findings } = world;
  const lacking = () => faults.filter((fault) => (findings.faults[fault.kind] ?? 0) < fault.least);
  const tries = new Map();
  while (Date.now() < ends || lacking().length > 0) {
    const missing = lacking();
    // What has to happen comes first, in an order of its own in each run.
    const fault = missing.length > 0 ? random.pick(missing) : weighed(random, faults);
    tries.set(fault, (tries.get(fault) ?? 0) + 1);
    if (tries.get(fault) > 5 * fault.least + 50 && missing.includes(fault)) {
      findings.wrong('fault that can not be made', { kind: fault.kind });
      return;
    }
    world.faults.add(fault.kind);
    try {
      await fault.strike(world, scene);
    } finally {
      world.faults.delete(fault.kind);
    }
    await pause(random.between(50, 600));
  }
}

function weighed(random, faults) {
  let at = random.next() * faults.reduce((sum, fault) => sum + fault.weight, 0);
  return faults.find((fault) => (at -= fault.weight) < 0) ?? faults.at(-1);
}

/** One gate that hears the truth, three verifiers that are lied to. */
async function gatesOf(world, model, watch) {
  const other = await World.make(world.findings, world.random, { name: 'other', servers: 1, megabytes: 48 });
  await other.startAll();
  const foreign = await filesOf(other);
  await other.stopAll();
  const origin = await listen(async (incoming, outgoing) => {
    await all(incoming);
    outgoing.setHeader('content-type', 'application/json');
    outgoing.end(JSON.stringify({ headers: incoming.headers }));
  });
  const supply = (name) => Supply.start(world, { name, hostile: name !== 'an honest supply', foreign });
  return new Gates(world, model, watch, [
    await WorkerdGate.start(world, await supply('an honest supply'), origin),
    await WorkerdGate.start(world, await supply('a hostile supply'), origin),
    await NodeVerifier.start(world, await supply('another hostile supply'), 'node.js'),
    await NodeVerifier.start(world, await supply('a third hostile supply'), 'pure.js'),
  ]);
}

/** With all faults over, each verifier that hears the truth is open, and closed to whatever was revoked. */
async function checkGates(world, model, gates) {
  const [honest] = gates.gates;
  const good = [...model.current].find((key) => key.untouched);
  const { says } = await honest.ask(good.token);
  world.findings.check(says === 'accepted', 'a gate that does not open', { gate: honest.name, says });
  for (const gate of gates.gates) world.findings.check(gate.asked > 0, 'a gate that was not asked', { gate: gate.name });
}

export async function campaign({ findings, random, reader, database, minutes }) {
  const ends = Date.now() + minutes * 60_000;
  const postgres = database === 'postgres' ? await Postgres.start() : undefined;
  const world = await World.make(findings, random, { postgres });
  const faults = [...PROCESS_FAULTS, ...(postgres ? POSTGRES_FAULTS : [])];
  await reader.site(world.name, { root: world.root, secrets: world.gateKeys.secrets });
  const model = new Model(findings);
  const acts = new Acts(world, model, reader);
  await world.startAll();
  const watch = new Watch(world, model, reader, [...world.servers.map((server) => atServer(world, server)), atFolder(world.out)]);
  watch.start();
  await until('the first list', () => watch.newest);
  const gates = await gatesOf(world, model, watch);
  acts.onRevoked((key) => gates.revoked(key));
  acts.start();
  await until('keys', () => model.current.size > 20);
  gates.start();
  const scene = { acts, model, watch, gates };
  // The end is for what must be calm.
  const calm = PROMISED_MS / 2 + 0.75 * VALID_FOR_MS;
  await strikes(world, faults, scene, ends - Math.min(calm, minutes * 20_000));
  await until('hostile steps of all kinds', () => KINDS.every((kind) => findings.hostile[kind]), 60).catch(() =>
    findings.wrong('hostile step that never happened', { missing: KINDS.filter((kind) => !findings.hostile[kind]) }),
  );
  await until('all servers run', () => world.up.length === world.servers.length, 60);
  await acts.stop();
  // Nobody asks for anything: the stamp is renewed all the same.
  const since = Date.now();
  await until('a list after the last fault', () => watch.newest[2] > since, PROMISED_MS / 1000 + 10).catch(() =>
    findings.wrong('list not renewed', { newest: watch.newest, since }),
  );
  world.excusedUntil = 0;
  await pause(0.75 * VALID_FOR_MS);
  await checkGates(world, model, gates);
  await gates.stop();
  for (const key of model.keys.values()) model.current.add(key);
  watch.known.clear();
  await pause(4 * STAMP_EVERY_MS + 500);
  await acts.checkRecords();
  await watch.stop();
  await world.stopAll();
}
