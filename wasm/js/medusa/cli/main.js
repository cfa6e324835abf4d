#!/usr/bin/env node
// `portcullis-medusa`: moves a shop from Medusa's own API Key Module to `portcullis/medusa`, and
// back.

import { parseArgs } from 'node:util';
import { createInterface } from 'node:readline/promises';

import { UserError } from './user-error.js';
import { connect, issuerOf } from './connect.js';
import { finish } from './finish.js';
import { migrate } from './migrate.js';
import { rollback } from './rollback.js';
import { status } from './status.js';

const HELP = `portcullis-medusa: from Medusa's own API Key Module to portcullis/medusa, and back

  portcullis-medusa migrate    make a new key for each old one; a preview unless --yes is given
  portcullis-medusa status     which old keys are still used, and what replaces them
  portcullis-medusa finish     end the old keys for good; a preview unless --yes is given
  portcullis-medusa rollback   make the shop's table ready for Medusa's module; a preview unless --yes is given

Options
  --yes                  do it, without a question
  --json                 print JSON
  --database URL         the shop's database, without a password; DATABASE_URL unless given
  --report FILE          migrate: where the new keys' texts are written, for their owner alone to read;
                         portcullis-new-keys.jsonl unless given
  --environment ENV      migrate, rollback: live or test, as the module's option; live unless given
  --owner NUMBER         migrate, rollback: as the module's option
  --algorithm NAME       migrate: that of new secret keys, as the module's option
  --help                 print this

Environment
  DATABASE_URL           the shop's database, as Medusa has it. A file .env is not read: \`set -a; . ./.env\`
  PGPASSWORD             its password, where --database is given
  PORTCULLIS_URL         migrate, rollback: the issuer's address
  PORTCULLIS_ADMIN_KEY   migrate, rollback: an admin key with keys:read, keys:write and keys:revoke

Exit codes: 0 done or shown, 1 something failed (do what the message says and run it again), 2 misused
`;

const COMMANDS = {
  migrate: { run: migrate, issuer: true, changes: true, options: ['report', 'environment', 'owner', 'algorithm'] },
  status: { run: status, options: [] },
  finish: { run: finish, changes: true, options: [] },
  rollback: { run: rollback, issuer: true, changes: true, options: ['environment', 'owner'] },
};
const FLAGS = {
  help: { type: 'boolean', short: 'h' },
  json: { type: 'boolean' },
  yes: { type: 'boolean', short: 'y' },
  database: { type: 'string' },
  report: { type: 'string' },
  environment: { type: 'string' },
  owner: { type: 'string' },
  algorithm: { type: 'string' },
};
const ANYWHERE = ['help', 'json', 'database'];

function read(args) {
  let parsed;
  try {
    parsed = parseArgs({ args, options: FLAGS, allowPositionals: true });
  } catch (error) {
    throw new UserError(`${error.message.split('. ')[0]}; see portcullis-medusa --help`);
  }
  const { values, positionals } = parsed;
  if (values.help || (args.length === 0)) return { help: true };
  const [name, ...more] = positionals;
  const command = Object.hasOwn(COMMANDS, name ?? '') ? COMMANDS[name] : undefined;
  if (command === undefined) {
    throw new UserError(`${name === undefined ? 'No command was given' : 'There is no such command'}; there are ${Object.keys(COMMANDS).join(', ')}`);
  }
  if (more.length > 0) throw new UserError(`${name} takes no further words; see portcullis-medusa --help`);
  const known = [...ANYWHERE, ...command.options, ...(command.changes ? ['yes'] : [])];
  const stray = Object.keys(values).find((one) => !known.includes(one));
  if (stray !== undefined) throw new UserError(`${name} has no option --${stray}; see portcullis-medusa --help`);
  return { name, command, values };
}

const keys = {
  environment: (value = 'live') => oneOf('environment', value, ['live', 'test']),
  algorithm: (value) => value && oneOf('algorithm', value, ['ed25519', 'hmac-sha256-128']),
  owner(value) {
    if (value === undefined) return undefined;
    if (!/^[1-9]\d{0,9}$/.test(value)) throw new UserError('--owner is the number of an owner');
    return Number(value);
  },
};

function oneOf(name, value, words) {
  if (words.includes(value)) return value;
  throw new UserError(`--${name} is ${words.join(' or ')}`);
}

async function asked(question) {
  const line = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await line.question(`${question} [y/N] `)).trim());
  } finally {
    line.close();
  }
}

async function main(args) {
  const { help, name, command, values } = read(args);
  if (help) {
    process.stdout.write(HELP);
    return;
  }
  const { environment, owner, algorithm } = values;
  const scope = { environment: keys.environment(environment), owner: keys.owner(owner), algorithm: keys.algorithm(algorithm) };
  const issuer = command.issuer ? issuerOf(process.env) : undefined;
  const shop = await connect(values.database, process.env);
  const print = (line) => void process.stdout.write(`${line}\n`);
  const tell = (line) => void process.stderr.write(`${line}\n`);
  try {
    const plan = await command.run({ shop, issuer, scope, report: values.report, print: values.json ? () => {} : print, tell });
    const { apply, shown } = plan;
    let done = false;
    if (apply !== undefined) {
      const isAsked = !values.yes && !values.json && process.stdin.isTTY === true && process.stderr.isTTY === true;
      const goesOn = values.yes || (isAsked && (await asked(plan.question)));
      if (goesOn) {
        Object.assign(shown, await apply());
        done = true;
      } else if (!values.json) print(`Nothing was changed. To go on: npx portcullis-medusa ${name} --yes`);
    }
    if (values.json) print(JSON.stringify({ command: name, ...(command.changes ? { done } : {}), ...shown }));
  } finally {
    await shop.end();
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const isUserError = error instanceof UserError;
  const message = error?.message || error?.code || String(error);
  if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify({ error: message, ...(error?.code ? { code: error.code } : {}) })}\n`);
  process.stderr.write(`portcullis-medusa: ${message}\n`);
  process.exitCode = isUserError ? error.exitCode : 1;
}
