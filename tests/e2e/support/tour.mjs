// A document whose `console` blocks are a session at a shell, and what is compared with it. What is
// not typed but happens stands in a comment of its own, `<!-- happens: NAME -->`, outside of the blocks.
//
//     $ command          run, in one shell for the whole document; must exit with 0
//     > its next line
//     output             on standard output and error, compared line by line
//
// In output, `<name>` takes the value that is found there and means it from then on, in commands
// too; `…` stands for anything without a blank, alone on a line for any lines, `(…)` for the rest of a line. Output that begins
// with `{` or `[` is compared as JSON: `…` behind the last member stands for any further ones.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { isDeepStrictEqual } from 'node:util';

const NAME = /<([a-z][a-z0-9-]*)>/g;
const MORE = '…';
const REST = '(…)';

/**
 * Replaces `from` by `to`, but not inside a longer word or number: a key's text can contain the digits of a
 * number that a page names, and must stay as it is.
 */
export function replaceWhole(text, from, to) {
  return text.replace(new RegExp(`(?<!\\w)${escaped(from)}(?!\\w)`, 'g'), () => to);
}

/** The commands of a document, `{ line, command, output }`, and what happens between: `{ line, happens }`. */
export function readTour(text) {
  const acts = [];
  let inside = false;
  for (const [at, line] of text.split('\n').entries()) {
    if (line.startsWith('```')) {
      inside = !inside && line === '```console';
      continue;
    }
    if (!inside) {
      const happens = line.match(/^<!-- happens: (.*) -->$/)?.[1];
      if (happens) acts.push({ line: at + 1, happens });
      continue;
    }
    const last = acts.at(-1);
    if (line.startsWith('$ ')) {
      acts.push({ line: at + 1, command: line.slice(2), output: [] });
    } else if (!last?.output) {
      throw new Error(`line ${at + 1}: output before the first command`);
    } else if (line.startsWith('> ') && last.output.length === 0) {
      last.command += `\n${line.slice(2)}`;
    } else {
      last.output.push(line);
    }
  }
  return acts;
}

/** What `text` is a pattern of; its names are put into `names` by `match`. */
function pattern(text, names) {
  const order = [];
  let source = '';
  for (const part of text.split(/(<[a-z][a-z0-9-]*>|\(…\)$|…)/)) {
    const name = part.match(/^<(.*)>$/)?.[1];
    if (part === REST) source += '.*';
    else if (part === MORE) source += '[^\\s"]+?';
    else if (name && names.has(name)) source += escaped(names.get(name));
    else if (name && order.includes(name)) source += `\\${order.indexOf(name) + 1}`;
    else if (name) source += `([^\\s"]+?)` + (order.push(name), '');
    else source += escaped(part);
  }
  return { order, expression: new RegExp(`^${source}$`) };
}

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function match(expected, found, names) {
  const { order, expression } = pattern(expected, names);
  const parts = expression.exec(found);
  if (!parts) return false;
  order.forEach((name, at) => names.set(name, parts[at + 1]));
  return true;
}

/** Columns are as wide as what stands in them: runs of blanks count as one. */
const squeezed = (line) => line.trimEnd().replace(/ {2,}/g, ' ');

function matchLines(expected, found, names) {
  if (expected.length === 0) return found.length === 0;
  const [first, ...rest] = expected;
  if (first === MORE) {
    for (let skip = 1; skip <= found.length; skip++) {
      if (matchLines(rest, found.slice(skip), names)) return true;
    }
    return false;
  }
  if (found.length === 0 || !match(squeezed(first), squeezed(found[0]), names)) return false;
  return matchLines(rest, found.slice(1), names);
}

function matchJson(expected, found, names) {
  if (typeof expected === 'string') {
    // A number or truth may be left open too.
    return ['string', 'number', 'boolean'].includes(typeof found) && match(expected, String(found), names);
  }
  if (Array.isArray(expected)) {
    const open = expected.at(-1) === MORE;
    const items = open ? expected.slice(0, -1) : expected;
    if (!Array.isArray(found) || (open ? found.length < items.length : found.length !== items.length)) return false;
    return items.every((item, at) => matchJson(item, found[at], names));
  }
  if (expected && typeof expected === 'object') {
    if (!found || typeof found !== 'object' || Array.isArray(found)) return false;
    const members = Object.keys(expected).filter((name) => name !== MORE);
    const open = MORE in expected;
    if (!open && Object.keys(found).length !== members.length) return false;
    return members.every((name) => name in found && matchJson(expected[name], found[name], names));
  }
  return isDeepStrictEqual(expected, found);
}

/** Whether a command printed what the document shows; `names` takes what it bound. */
export function isTrue(expected, found, names) {
  if (!/^[{[]/.test(expected[0] ?? '')) return matchLines(expected, found, names);
  const open = expected
    .join('\n')
    .replace(/,\s*…\s*\}/g, `, "${MORE}": 0}`)
    .replace(/,\s*…\s*\]/g, `, "${MORE}"]`)
    .replace(/([:[,]\s*)(…|<[a-z][a-z0-9-]*>)(?=\s*[,}\]])/g, '$1"$2"');
  let told;
  try {
    told = JSON.parse(found.join('\n'));
  } catch {
    return false;
  }
  return matchJson(JSON.parse(open), told, names);
}

/** A command with the values of the names in it. */
export function filled(command, names) {
  return command.replace(NAME, (whole, name) => {
    if (!names.has(name)) throw new Error(`nothing was printed that ${whole} stands for: ${command}`);
    return names.get(name);
  });
}

/**
 * Runs the commands of a document and compares what they print with what it shows. `here` turns what the
 * document says of places into those of this machine, and `there` back; `happens` are functions by name.
 * Gives the names that were bound, and how many commands were run.
 */
export async function runPage(page, text, { shell, here, there, names = new Map(), happens = {}, seconds }) {
  let commands = 0;
  const due = new Set(Object.keys(happens));
  for (const { line, command, output, happens: event } of readTour(text)) {
    if (event) {
      assert.ok(happens[event], `${page}, line ${line}: nobody knows how "${event}" happens`);
      await happens[event](names);
      due.delete(event);
      continue;
    }
    const { code, lines } = await shell.run(here(filled(command, names)), seconds);
    const found = lines.map(there);
    const expected = output.at(-1) === '' ? output.slice(0, -1) : output;
    const right = isTrue(expected, found, names);
    const told = `${page}, line ${line}: ${command}\n--- shown\n${expected.join('\n')}\n--- printed\n${found.join('\n')}`;
    assert.ok(right, told);
    assert.equal(code, 0, `${told}\n--- exit code ${code}`);
    commands += 1;
  }
  assert.deepEqual([...due], [], `${page} does not say that this happens`);
  return { names, commands };
}

/** An address that is free, on loopback. */
export async function freeAddress() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${server.address().port}`;
  await new Promise((resolve) => server.close(resolve));
  return address;
}

/** The environment without anything of the machine's own issuer: no home, no database, no passphrase. */
export function cleanEnvironment() {
  const ours = /^(PORTCULLIS_|DATABASE_URL$|AWS_|CLOUDFLARE_)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
}

/** A shell that runs one command after the other and gives what each printed, and its exit code. */
export function openShell(folder, env) {
  // A process group of its own: what the document leaves running ends with the shell.
  const shell = spawn('sh', [], { cwd: folder, env, stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const mark = `done-${process.pid}-${Date.now()}`;
  let text = '';
  let hear = () => {};
  shell.stdout.on('data', (data) => {
    text += data;
    hear();
  });
  const ended = new Promise((resolve) => shell.on('close', resolve));
  shell.stdin.write('exec 2>&1\n');
  return {
    run: (command, seconds = 60) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no end after ${seconds} s: ${command}\n${text}`)), seconds * 1000);
        ended.then(() => {
          clearTimeout(timer);
          reject(new Error(`the shell ended at: ${command}\n${text}`));
        });
        hear = () => {
          const found = text.match(new RegExp(`(?:^|\\n)${mark} (\\d+)\\n`));
          if (!found) return;
          clearTimeout(timer);
          const printed = text.slice(0, found.index);
          text = text.slice(found.index + found[0].length);
          resolve({ code: Number(found[1]), lines: printed === '' ? [] : printed.replace(/\n$/, '').split('\n') });
        };
        shell.stdin.write(`${command}\nprintf '\\n%s %s\\n' ${mark} $?\n`);
      }),
    close: async () => {
      try {
        process.kill(-shell.pid, 'SIGKILL');
      } catch {
        // It has ended with all that it started.
      }
      await ended;
    },
  };
}
