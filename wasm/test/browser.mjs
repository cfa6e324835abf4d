// Starts Chromium for the tests.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import test from 'node:test';

import { chromium } from 'playwright-core';

import { close, listen } from './support.mjs';

/** A test that needs Chromium. `cargo xtask test` sets CHROMIUM to the path of the program. */
export const browserTest = (name, run) =>
  test(name, { skip: process.env.CHROMIUM ? false : 'there is no Chromium on this machine' }, run);

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: [
      '--no-sandbox',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-quic',
      '--no-first-run',
    ],
  });
}

/** Serves the package's files as they are, and an empty page. Returns the address. */
export async function packageServer(t) {
  const server = createServer((request, response) => {
    if (!/^\/(js|dist|test)(\/[\w-]+)+\.m?js$/.test(request.url)) {
      response.setHeader('content-type', 'text/html').end('<!doctype html><title>test</title>');
      return;
    }
    response.setHeader('content-type', 'text/javascript');
    response.end(readFileSync(new URL(`..${request.url}`, import.meta.url)));
  });
  const port = await listen(server);
  t.after(() => close(server));
  return `http://127.0.0.1:${port}/`;
}
