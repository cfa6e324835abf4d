// The packed package, installed from its tarball into an empty folder.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
export const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));

export function run(program, args, cwd, env = {}) {
  const options = { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } };
  try {
    return execFileSync(program, args, options);
  } catch (error) {
    throw new Error(`${program} ${args.join(' ')}\n${error.stdout}${error.stderr}`, { cause: error });
  }
}

// The folder, the tarball in it, and the names of the files that were packed.
export function install(t) {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-pack-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const packing = ['pack', '--json', '--pack-destination', folder, '--ignore-scripts'];
  const [{ filename, files }] = JSON.parse(run('npm', packing, PACKAGE));
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  const quiet = ['--offline', '--no-audit', '--no-fund', '--ignore-scripts', '--omit=peer'];
  run('npm', ['install', ...quiet, `./${filename}`], folder);
  return { folder, tarball: join(folder, filename), packed: files.map(({ path }) => path) };
}

// The program of a runtime, from its npm package for this machine; `undefined` if there is none.
export function program(scope, path) {
  try {
    const [folder] = readdirSync(join(MODULES, scope));
    return join(MODULES, scope, folder, path);
  } catch {
    return undefined;
  }
}
