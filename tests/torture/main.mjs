// The campaign, as `cargo xtask torture` runs it.

import { campaign } from './campaign.mjs';
import { Findings } from './findings.mjs';
import { endAll } from './processes.mjs';
import { randomOf } from './random.mjs';
import { startReader } from './reader.mjs';

function options(args) {
  const told = { minutes: 1, seed: 1, database: 'both', json: false };
  for (let at = 0; at < args.length; at++) {
    if (args[at] === '--json') told.json = true;
    else if (args[at] === '--minutes') told.minutes = Number(args[++at]);
    else if (args[at] === '--seed') told.seed = Number(args[++at]);
    else if (args[at] === '--database') told.database = args[++at];
    else throw new Error(`${args[at]}?`);
  }
  return told;
}

const told = options(process.argv.slice(2));
const databases = told.database === 'both' ? ['sqlite', 'postgres'] : [told.database];
const runs = [];
let broken;
for (const database of databases) {
  const findings = new Findings();
  try {
    const reader = startReader();
    const random = randomOf(told.seed, database);
    await campaign({ findings, random, reader, database, seed: told.seed, minutes: told.minutes / databases.length });
  } catch (error) {
    broken = error;
    findings.wrong('the campaign broke down', { error: error.stack });
  }
  await endAll();
  runs.push({ database, findings });
}
for (const { database, findings } of runs) {
  process.stdout.write(JSON.stringify({ database, seed: told.seed, faults: findings.faults, hostile: findings.hostile, ...findings.counts, ...findings.times, longest: findings.longest, found: findings.found, skipped: findings.skipped }, null, 2) + '\n');
}
process.exit(broken || runs.some(({ findings }) => !findings.sound) ? 1 : 0);
