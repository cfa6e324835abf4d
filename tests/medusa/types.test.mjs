// The module's types, compiled beside Medusa's own.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const compiler = fileURLToPath(new URL('../types/node_modules/typescript/bin/tsc', import.meta.url));

test("the service is what Medusa's interface asks for, and its options are known to defineConfig", () => {
  try {
    execFileSync(process.execPath, [compiler, '-p', '.'], { cwd: folder, encoding: 'utf8' });
  } catch (error) {
    assert.fail(error.stdout);
  }
});
