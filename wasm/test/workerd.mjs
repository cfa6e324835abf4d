// A Worker in workerd itself that imports the package's files as they are: no bundler, and the
// module imported as wasm.

import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
const PROGRAM = createRequire(import.meta.url)('workerd').default;

// Starts a Worker whose main module is `script`, beside the package's `js` and `dist`, `more` of its
// files, and `others` by their names. It may fetch from loopback. Gives its address and what ends it.
export async function startWorker(script, more = [], others = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-gate-workerd-'));
  writeFileSync(join(folder, 'worker.js'), script);
  const isFile = (file) => file.endsWith('.js') || file.endsWith('.wasm');
  const filesIn = (part) => readdirSync(join(PACKAGE, part), { recursive: true }).filter(isFile).map((file) => `${part}/${file}`);
  const files = [...filesIn('js'), ...filesIn('dist'), ...more];
  // workerd embeds files beside its configuration alone.
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

// Starts a Worker of these files in `folder`, the main module first.
export async function serve(folder, files) {
  const modules = files.map((name) => {
    const type = name.endsWith('.wasm') ? 'wasm' : 'esModule';
    return `(name = "${name}", ${type} = embed "${name}")`;
  });
  writeFileSync(
    join(folder, 'config.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";
    const config :Workerd.Config = (
      services = [
        (name = "main", worker = (
          modules = [${modules.join(',\n')}],
          compatibilityDate = "2026-04-01",
          globalOutbound = "loopback",
        )),
        (name = "loopback", network = (allow = ["private"])),
      ],
      sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
    );`,
  );
  const child = spawn(PROGRAM, ['serve', '--control-fd=3', join(folder, 'config.capnp')], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  });
  const stop = async () => {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    // Asked kindly it would wait for requests that a failed test has left hanging.
    if (child.exitCode === null && child.kill('SIGKILL')) await gone;
  };
  const port = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`workerd ended with ${code}`)));
    createInterface({ input: child.stdio[3] }).on('line', (line) => {
      const said = JSON.parse(line);
      if (said.event === 'listen') resolve(said.port);
    });
  });
  return { url: `http://127.0.0.1:${port}/`, stop };
}
