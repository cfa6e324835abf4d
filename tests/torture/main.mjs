// The campaign, as `cargo xtask torture` runs it. The exit code says whether every promise held and every
// fault happened.

import { campaign } from './campaign.mjs';
import { Findings } from './findings.mjs';
import { endAll } from './processes.mjs';
import { randomOf } from './random.mjs';
import { startReader } from './reader.mjs';

function options(args) {
  const told = { minutes: 2, seed: 1, database: 'both', json: false };
  for (let at = 0; at < args.length; at++) {
    if (args[at] === '--json') told.json = true;
    else if (args[at] === '--minutes') told.minutes = Number(args[++at]);
    else if (args[at] === '--seed') told.seed = Number(args[++at]);
    else if (args[at] === '--database') told.database = args[++at];
    else throw new Error(`${args[at]}?`);
  }
  return told;
}

/** What an hour must bring, on all databases together: so many kills, and answers that are not the truth. */
const LEAST_AN_HOUR = { kills: 500, hostile_steps: 10_000 };
/** Below that the least of each fault says enough. */
const LONG_MINUTES = 10;

const sum = (counts) => Object.values(counts).reduce((all, count) => all + count, 0);

function told({ database, findings }, seed) {
  const { faults, hostile, counts, times, longest, found, skipped } = findings;
  return {
    ...{ database, seed, seconds: Math.round(findings.seconds), sound: findings.sound },
    ...{ faults_injected: sum(faults), kills: findings.kills, hostile_steps: findings.lies, ...counts, ...times, ...longest },
    ...{ faults, hostile, found, skipped },
  };
}

function page(run) {
  const { faults, hostile, found, skipped, ...figures } = run;
  const lines = [`\n${run.database}, seed ${run.seed}: ${run.sound ? 'every promise held' : 'NOT SOUND'}`];
  const table = (counts) => Object.entries(counts).forEach(([name, count]) => lines.push(`  ${name.replaceAll('_', ' ').padEnd(56)} ${count}`));
  table(figures);
  lines.push('faults by kind');
  table(faults);
  lines.push('hostile steps by kind');
  table(hostile);
  for (const { what, why } of skipped) lines.push(`  left out: ${what}: ${why}`);
  for (const [what, { times, told: examples }] of Object.entries(found)) {
    lines.push(`FOUND ${what}, ${times} times, such as`);
    for (const example of examples.slice(0, 3)) lines.push(`  ${JSON.stringify(example)}`);
  }
  return lines.join('\n');
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => endAll().then(() => process.exit(130)));
}

const { minutes, seed, database: wanted, json } = options(process.argv.slice(2));
const databases = wanted === 'both' ? ['sqlite', 'postgres'] : [wanted];
const runs = [];
for (const database of databases) {
  const findings = new Findings();
  try {
    const reader = startReader();
    await campaign({ findings, random: randomOf(seed, database), reader, database, seed, minutes: minutes / databases.length });
  } catch (error) {
    findings.wrong('the campaign broke down', { error: error.stack });
  }
  await endAll();
  findings.end();
  const run = told({ database, findings }, seed);
  runs.push(run);
  if (!json) process.stdout.write(`${page(run)}\n`);
}
if (json) process.stdout.write(`${JSON.stringify(runs, null, 2)}\n`);
let isEnough = true;
for (const [name, least] of minutes < LONG_MINUTES ? [] : Object.entries(LEAST_AN_HOUR)) {
  const count = runs.reduce((all, run) => all + run[name], 0);
  const wanted = Math.floor((least * minutes) / 60);
  if (count >= wanted) continue;
  isEnough = false;
  process.stderr.write(`NOT ENOUGH: ${count} ${name.replace('_', ' ')}, and ${minutes} minutes are to bring ${wanted}\n`);
}
process.exitCode = isEnough && runs.every(({ sound }) => sound) ? 0 : 1;
process.exit();
