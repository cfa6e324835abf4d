// Starts the real programs, and stops exactly those that it started.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

/** A path that `cargo xtask test` hands over. */
export function handedOver(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run these tests by \`cargo xtask test\``);
  return value;
}

// A hook that is registered while another hook runs ends with that one; this one is the file's.
const endings = [];
after(async () => {
  for (const end of endings.reverse()) await end();
});

/** Does `end` when the test file is done, last come first. */
export function atEnd(end) {
  endings.push(end);
}

/** An empty folder that goes away with the test file. */
export async function temporaryFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-'));
  atEnd(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs a program to its end. */
export function run(program, args, { input = '', env = {}, cwd } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, ...env }, cwd });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (data) => (output.stdout += data));
    child.stderr.on('data', (data) => (output.stderr += data));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...output }));
    child.stdin.on('error', () => {}); // a program may end before it has read its input
    child.stdin.end(input);
  });
}

/**
 * Starts a program that stays. `ready` is asked about everything it prints on its first output
 * and on file descriptor 3, until it gives a value.
 */
export async function start(program, args, { env = {}, cwd, ready }) {
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const process_ = { log: '', exited: false };
  const ended = new Promise((resolve) => child.on('close', resolve)).then(() => (process_.exited = true));
  process_.stop = async (signal = 'SIGTERM') => {
    if (!process_.exited) child.kill(signal);
    await ended;
  };
  atEnd(() => process_.stop('SIGKILL'));
  const value = await new Promise((resolve, reject) => {
    let told = '';
    const hear = (data) => {
      told += data;
      const answer = ready(told);
      if (answer !== undefined) resolve(answer);
    };
    child.stdout.on('data', (data) => {
      process_.log += data;
      hear(data);
    });
    child.stdio[3].on('data', hear);
    child.stderr.on('data', (data) => (process_.log += data));
    child.on('error', reject);
    ended.then(() => reject(new Error(`${program} ended before it was ready:\n${process_.log}`)));
  });
  return Object.assign(process_, { value });
}

/** Asks again and again until `question` gives something true; fails after `seconds`. */
export async function until(what, question, seconds = 20) {
  const deadline = Date.now() + seconds * 1000;
  let last;
  while (Date.now() < deadline) {
    last = await question();
    if (last) return last;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`waited ${seconds} s in vain: ${what}`);
}
