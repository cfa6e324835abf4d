// The real programs, each of which is ended by its own process id when the campaign is over.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export { freePort, listens } from '../e2e/support/ports.mjs';

const endings = [];

/** Does `end` when the campaign is done, last come first. */
export function atEnd(end) {
  endings.push(end);
}

/** Ends whatever was begun. */
export async function endAll() {
  while (endings.length > 0) {
    try {
      await endings.pop()();
    } catch (error) {
      process.stderr.write(`while ending: ${error.message}\n`);
    }
  }
}

/** A path that `cargo xtask torture` hands over. */
export function handedOver(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run this by \`cargo xtask torture\``);
  return value;
}

/** An empty folder that goes away with the campaign. */
export async function temporaryFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-torture-'));
  atEnd(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export const pause = (millis) => new Promise((resolve) => setTimeout(resolve, millis));

/** Asks again and again until `question` gives something true; fails after `seconds`. */
export async function until(what, question, seconds = 30, every = 20) {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const answer = await question();
    if (answer) return answer;
    if (performance.now() >= deadline) throw new Error(`waited ${seconds} s in vain: ${what}`);
    await pause(every);
  }
}

/** Runs a program to its end; one that takes longer than `seconds` is killed. */
export function run(program, args, { env = {}, cwd, input = '', seconds = 120 } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, ...env }, cwd });
    const output = { stdout: '', stderr: '' };
    const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000);
    child.stdout.on('data', (data) => (output.stdout += data));
    child.stderr.on('data', (data) => (output.stderr += data));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, ...output });
    });
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

/** Whether a program that needs to be root did what it was asked. */
export async function did(program, args) {
  const { code } = await run(program, args).catch(() => ({ code: -1 }));
  return code === 0;
}

/**
 * Starts a program that stays. `ready` is asked about all that it prints, on its outputs and on file
 * descriptor 3, until it gives a value. Of what it prints the last 200,000 characters are kept.
 */
export async function start(program, args, { env = {}, cwd, ready, uid, gid, input = false, seconds = 90 }) {
  const stdio = [input ? 'pipe' : 'ignore', 'pipe', 'pipe', 'pipe'];
  const child = spawn(program, args, { env: { ...process.env, ...env }, cwd, stdio, uid, gid });
  const started = { pid: child.pid, child, log: '', exited: false };
  const keep = (data) => (started.log = (started.log + data).slice(-200_000));
  started.ended = new Promise((resolve) => child.on('close', resolve)).then(() => (started.exited = true));
  started.signal = (signal) => !started.exited && child.kill(signal);
  started.stop = async (signal = 'SIGTERM', patience = 10) => {
    started.signal(signal);
    started.signal('SIGCONT');
    const timer = setTimeout(() => started.signal('SIGKILL'), patience * 1000);
    await started.ended;
    clearTimeout(timer);
  };
  atEnd(() => started.stop('SIGKILL'));
  started.value = await new Promise((resolve, reject) => {
    let told = '';
    let done = false;
    const timer = setTimeout(() => reject(new Error(`${program} was not ready in ${seconds} s:\n${started.log}`)), seconds * 1000);
    const hear = (data) => {
      if (done) return;
      told += data;
      const answer = ready(told);
      if (answer === undefined) return;
      done = true;
      clearTimeout(timer);
      resolve(answer);
    };
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => {
        keep(data);
        hear(data);
      });
    }
    child.stdio[3].on('data', hear);
    child.on('error', reject);
    started.ended.then(() => {
      clearTimeout(timer);
      reject(new Error(`${program} ended before it was ready:\n${started.log}`));
    });
  }).catch(async (error) => {
    await started.stop('SIGKILL');
    throw error;
  });
  return started;
}
