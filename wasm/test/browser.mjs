// Chromium, as every test here starts it.

import test from 'node:test';

import { chromium } from 'playwright-core';

/** A test that needs Chromium, whose place `cargo xtask test` hands over in CHROMIUM. */
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
