// Workers in workerd that import the package's files without a bundler, and the module as wasm.

import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve as start, writeConfig } from '../../tests/workerd.mjs';

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
const PROGRAM = createRequire(import.meta.url)('workerd').default;

// Starts a Worker with the main module `script`, the package's `js` and `dist`, `more` of its files, and
// `others` by name. It can fetch from loopback. Returns its address and a function that stops it.
export async function startWorker(script, more = [], others = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-gate-workerd-'));
  writeFileSync(join(folder, 'worker.js'), script);
  const isFile = (file) => file.endsWith('.js') || file.endsWith('.wasm');
  const filesIn = (part) => readdirSync(join(PACKAGE, part), { recursive: true }).filter(isFile).map((file) => `${part}/${file}`);
  const files = [...filesIn('js'), ...filesIn('dist'), ...more];
  // workerd embeds only files in the folder of its configuration.
  for (const file of files) cpSync(join(PACKAGE, file), join(folder, file));
  for (const [name, path] of Object.entries(others)) cpSync(path, join(folder, name));
  const remove = () => rmSync(folder, { recursive: true });
  try {
    const { url, stop } = await serve(folder, ['worker.js', ...files, ...Object.keys(others)]);
    return { url, stop: () => stop().then(remove) };
  } catch (error) {
    remove();
    throw error;
  }
}

// Starts a Worker with these files of `folder`; the main module is the first.
export async function serve(folder, files) {
  const { port, stop } = await start(PROGRAM, writeConfig(folder, files, { reaches: ['private'] }));
  return { url: `http://127.0.0.1:${port}/`, stop };
}
