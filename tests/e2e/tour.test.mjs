// docs/tour.md is true: its commands are run, and their output is compared with the page.

import assert from 'node:assert/strict';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';

import { atEnd, handedOver, temporaryFolder } from './support/processes.mjs';
import { cleanEnvironment, freeAddress, openShell, replaceWhole, runPage } from './support/tour.mjs';

/** The addresses that the document uses; each stands for a free port here. */
const ADDRESSES = ['127.0.0.1:8080', '127.0.0.1:9090'];

test('the tour prints what it says', { timeout: 600_000 }, async () => {
  const text = await readFile(new URL('../../docs/tour.md', import.meta.url), 'utf8');
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'bin'));
  await symlink(handedOver('PORTCULLIS_BIN'), join(folder, 'bin', 'portcullis'));
  const env = cleanEnvironment();
  const path = `${join(folder, 'bin')}${delimiter}${env.PATH}`;
  await mkdir(join(folder, 'tour'));
  const shell = openShell(join(folder, 'tour'), { ...env, PATH: path, LC_ALL: 'C' });
  atEnd(shell.close);

  assert.equal((await shell.run('command -v curl')).code, 0, 'the tour needs `curl`: install it');
  const addresses = await Promise.all(ADDRESSES.map(freeAddress));
  const here = (line) => ADDRESSES.reduce((line, address, at) => replaceWhole(line, address, addresses[at]), line);
  const there = (line) => ADDRESSES.reduce((line, address, at) => replaceWhole(line, addresses[at], address), line);
  await runPage('docs/tour.md', text, { shell, here, there });
});

test("a number that a page names is not replaced within a key's text", () => {
  const key = 'sk_live_05fwILdgqHW8gI2betKfR100000000000000003eUfV9Ew';
  assert.equal(replaceWhole(`split -l 100000 ${key} 1000000`, '100000', '10000'), `split -l 10000 ${key} 1000000`);
  assert.equal(replaceWhole('http://127.0.0.1:80801 http://127.0.0.1:8080/v1', '127.0.0.1:8080', '[::1]:9'), 'http://127.0.0.1:80801 http://[::1]:9/v1');
});
