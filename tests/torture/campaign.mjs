// One campaign: an issuer on one kind of database, everything that happens to it, and the last check.

import { existsSync } from 'node:fs';

import { Acts } from './acts.mjs';
import { Gates, NodeVerifier, WorkerdGate } from './gates.mjs';
import { all, listen } from './http.mjs';
import { Model } from './model.mjs';
import { pause, until } from './processes.mjs';
import { KILLS, STOPS } from './faults.mjs';
import { KILLS_AT_POINTS, STOPS_AT_POINTS, canTrace } from './faults-points.mjs';
import { POSTGRES_FAULTS } from './faults-postgres.mjs';
import { MACHINE_FAULTS, OUTER_FAULTS } from './faults-machine.mjs';
import { Postgres } from './postgres.mjs';
import { randomOf } from './random.mjs';
import { restored } from './restored.mjs';
import { startReceiver, startStores } from './stores.mjs';
import { KINDS, Supply, filesOf } from './supply.mjs';
import { Watch, atFolder, atServer } from './watch.mjs';
import { PROMISED_MS, STAMP_EVERY_MS, VALID_FOR_MS, World } from './world.mjs';

/** How much longer than it was told a campaign tries to make what has to happen at least. */
const PATIENCE_MS = 180_000;

/** A fault that happens once in a short campaign happens as often in each stretch of a long one. */
const MINUTES_OF_LEAST = 6;

/** Runs faults of a lane, one after the other, until the time is over and each has happened as often as it must. */
async function strikes(world, random, faults, scene, { ends, minutes }) {
  const { findings } = world;
  const stretches = Math.max(1, Math.floor(minutes / MINUTES_OF_LEAST));
  const lacking = () => faults.filter((fault) => (findings.faults[fault.kind] ?? 0) < fault.least * stretches);
  while (Date.now() < ends || lacking().length > 0) {
    const missing = lacking();
    // What has to happen comes first, in an order of its own in each run.
    const fault = missing.length > 0 ? random.pick(missing) : weighed(random, faults);
    if (Date.now() > ends + PATIENCE_MS) {
      for (const { kind } of missing) findings.wrong('fault that never happened', { kind });
      return;
    }
    world.faults.add(fault);
    try {
      await fault.strike(world, scene);
    } finally {
      world.faults.delete(fault);
    }
    await pause(random.between(50, 600));
    while (scene.isCalm()) await pause(100);
  }
}

function weighed(random, faults) {
  let at = random.next() * faults.reduce((sum, fault) => sum + fault.weight, 0);
  return faults.find((fault) => (at -= fault.weight) < 0) ?? faults.at(-1);
}

const CALM_MS = 3000;
const CALM_EVERY_MS = 180_000;

/** Now and then nothing happens, for long enough that what is late has no excuse any more. */
function calmness(ends) {
  let next = Date.now() + CALM_EVERY_MS;
  return () => {
    const now = Date.now();
    if (now < next || now > ends) return false;
    if (now < next + PROMISED_MS + CALM_MS) return true;
    next = now + CALM_EVERY_MS;
    return false;
  };
}

/** The library that sets a program's clock, as Debian's package `faketime` brings it. */
function faketime() {
  const folders = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib'];
  return folders.map((folder) => `${folder}/faketime/libfaketime.so.1`).find((file) => existsSync(file));
}

/** Backups are put back beside all that, once at least and every other minute. */
async function sideline({ findings, random, reader }, ends) {
  for (let round = 1; round === 1 || Date.now() < ends - 60_000; round++) {
    await restored(findings, random, reader, round);
    const next = Math.min(Date.now() + 120_000, ends);
    while (Date.now() < next) await pause(200);
  }
}

/** With all faults over, every target carries the newest list, whole. */
async function checkStores(findings, watch, stores) {
  for (const store of stores) {
    store.hurt = false;
    const number = () => watch.floors.get(store.name)?.[1] ?? 0;
    const since = Date.now();
    const carries = () => watch.floors.get(store.name)?.[2] > since && number() >= watch.newest[1];
    await until('the store', carries, 90).catch(() =>
      findings.wrong('a target that stays behind', { store: store.name, carries: watch.floors.get(store.name), newest: watch.newest }),
    );
  }
}

/** One gate that hears the truth, five verifiers that are lied to. */
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
    await NodeVerifier.start(world, await supply('another hostile supply'), 'entry/node.js'),
    await NodeVerifier.start(world, await supply('a third hostile supply'), 'entry/pure.js'),
    await NodeVerifier.start(world, await supply('a fourth hostile supply'), 'entry/node.js'),
    await NodeVerifier.start(world, await supply('a fifth hostile supply'), 'entry/pure.js'),
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

export async function campaign({ findings, random, reader, database, seed, minutes }) {
  const ends = Date.now() + minutes * 60_000;
  const postgres = database === 'postgres' ? await Postgres.start() : undefined;
  const [stores, receiver] = [await startStores(), await startReceiver()];
  const world = await World.make(findings, random, { postgres, stores, receiver, faketime: faketime(), canTrace: await canTrace() });
  const possible = (fault) => {
    const can = !fault.needs || fault.needs(world);
    if (!can && !fault.ofOtherDatabase?.(world)) findings.skip(fault.kind, fault.why);
    return can;
  };
  // Each of these goes on beside the others.
  const lanes = [[...KILLS, ...KILLS_AT_POINTS], [...STOPS, ...STOPS_AT_POINTS], postgres ? POSTGRES_FAULTS : [], MACHINE_FAULTS, OUTER_FAULTS]
    .map((faults) => faults.filter(possible))
    .filter((faults) => faults.length > 0);
  await reader.site(world.name, { root: world.root, secrets: world.gateKeys.secrets });
  const model = new Model(findings);
  const acts = new Acts(world, model, reader);
  await world.startAll();
  await until('a webhook', async () => (await world.asAdmin('POST', '/v1/webhooks', { url: receiver.url })).done, 30, 200);
  const places = [...world.servers.map((server) => atServer(world, server)), atFolder(world.out), ...stores.map((store) => store.place)];
  const watch = new Watch(world, model, reader, places);
  watch.start();
  await until('the first list', () => watch.newest);
  const gates = await gatesOf(world, model, watch);
  acts.onRevoked((key) => gates.revoked(key));
  acts.start();
  await until('keys', () => model.current.size > 20);
  gates.start();
  const scene = { acts, model, watch, gates, isCalm: calmness(ends) };
  // Before anything happens: how long a revocation takes when all is well.
  await pause(CALM_MS);
  const aside = sideline({ findings, random, reader }, ends);
  // The end is for what must be calm.
  const calm = PROMISED_MS / 2 + 0.75 * VALID_FOR_MS;
  const last = ends - Math.min(calm, minutes * 20_000);
  await Promise.all(lanes.map((faults, lane) => strikes(world, randomOf(seed, `${database} ${lane}`), faults, scene, { ends: last, minutes })));
  await until('hostile steps of all kinds', () => KINDS.every((kind) => findings.hostile[kind]), 60).catch(() =>
    findings.wrong('hostile step that never happened', { missing: KINDS.filter((kind) => !findings.hostile[kind]) }),
  );
  await aside;
  findings.check(findings.faults['restored backup'] > 0, 'fault that never happened', { kind: 'restored backup' });
  await until('all servers run', () => world.up.length === world.servers.length, 60);
  await acts.stop();
  // Nobody asks for anything: the stamp is renewed all the same.
  const since = Date.now();
  await until('a list after the last fault', () => watch.newest[2] > since, PROMISED_MS / 1000 + 10).catch(async () =>
    findings.wrong('list not renewed', { newest: watch.newest, since, freshness: await world.freshness() }),
  );
  world.excusedUntil = 0;
  await pause(0.75 * VALID_FOR_MS);
  await checkGates(world, model, gates);
  await gates.stop();
  for (const key of model.keys.values()) model.current.add(key);
  watch.known.clear();
  await pause(4 * STAMP_EVERY_MS + 500);
  await acts.checkRecords();
  await checkStores(findings, watch, stores);
  findings.check(acts.byServer.size === world.servers.length, 'a server that did nothing', { servers: [...acts.byServer] });
  await watch.stop();
  await world.stopAll();
}
