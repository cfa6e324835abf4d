// docs/tour.md is true: its commands are run, and what they print is what it shows.

import assert from 'node:assert/strict';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';

import { atEnd, handedOver, temporaryFolder } from './support/processes.mjs';
import { filled, isTrue, openShell, readTour } from './support/tour.mjs';

/** The addresses that the document uses; each stands for a free port here. */
const ADDRESSES = ['127.0.0.1:8080', '127.0.0.1:9090'];

async function freeAddress() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${server.address().port}`;
  await new Promise((resolve) => server.close(resolve));
  return address;
}

test('the tour prints what it says', { timeout: 600_000 }, async () => {
  const text = await readFile(new URL('../../docs/tour.md', import.meta.url), 'utf8');
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'bin'));
  await symlink(handedOver('PORTCULLIS_BIN'), join(folder, 'bin', 'portcullis'));
  // Nothing of the machine's own issuer: no home, no database, no passphrase.
  const ours = /^(PORTCULLIS_|DATABASE_URL$|AWS_|CLOUDFLARE_)/;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
  const path = `${join(folder, 'bin')}${delimiter}${env.PATH}`;
  await mkdir(join(folder, 'tour'));
  const shell = openShell(join(folder, 'tour'), { ...env, PATH: path, LC_ALL: 'C' });
  atEnd(shell.close);

  assert.equal((await shell.run('command -v curl')).code, 0, 'the tour needs `curl`: install it');
  const addresses = await Promise.all(ADDRESSES.map(freeAddress));
  const here = (line) => ADDRESSES.reduce((line, address, at) => line.replaceAll(address, addresses[at]), line);
  const there = (line) => ADDRESSES.reduce((line, address, at) => line.replaceAll(addresses[at], address), line);
  const names = new Map();
  for (const { line, command, output } of readTour(text)) {
    const { code, lines } = await shell.run(here(filled(command, names)));
    const found = lines.map(there);
    const expected = output.at(-1) === '' ? output.slice(0, -1) : output;
    const right = isTrue(expected, found, names);
    const told = `docs/tour.md, line ${line}: ${command}\n--- shown\n${expected.join('\n')}\n--- printed\n${found.join('\n')}`;
    assert.ok(right, told);
    assert.equal(code, 0, `${told}\n--- exit code ${code}`);
  }
});
