// Medusa's own Admin in Chromium: built once for the versions of the lockfile, served by Medusa's own code,
// and used as a shop's owner uses it. PORTCULLIS_SCREENSHOTS names a folder for a picture of the page that each test
// ends with.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { launch } from '../../wasm/test/browser.mjs';
import { atEnd, run, until } from '../e2e/support/processes.mjs';

const require = createRequire(import.meta.url);
const { Modules } = require('@medusajs/framework/utils');
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const FOLDER = here('.admin/');
const OWNER = { email: 'owner@example.com', password: 'correct horse', first_name: 'Olga', last_name: 'Owner' };
const PATIENCE_MS = 15_000;

/** What serves the Admin, as Medusa's loader has it. */
export async function adminPages() {
  const { serve } = require('@medusajs/admin-bundler');
  return serve({ path: '/app', outDir: await built() });
}

// The build takes half a minute, so it is kept for as long as its inputs are the same.
async function built() {
  const inputs = await Promise.all(['package-lock.json', 'build-admin.mjs'].map((name) => readFile(here(name))));
  const hash = inputs.reduce((sum, input) => sum.update(input), createHash('sha256'));
  const stamp = `${hash.digest('hex')}\n`;
  const [outDir, stampFile] = [join(FOLDER, 'out'), join(FOLDER, 'stamp')];
  if ((await readFile(stampFile, 'utf8').catch(() => '')) === stamp) return outDir;
  await rm(FOLDER, { recursive: true, force: true });
  await mkdir(FOLDER);
  const env = { NODE_ENV: 'production' };
  const { code, stdout, stderr } = await run(process.execPath, [here('build-admin.mjs')], { cwd: FOLDER, env });
  if (code !== 0) throw new Error(`Medusa's Admin can't be built: ${stdout}${stderr}`);
  await writeFile(stampFile, stamp);
  return outDir;
}

/** Makes a user as `medusa user` does; gives its id. */
async function makeOwner(container) {
  const { email, password, ...name } = OWNER;
  const workflows = container.resolve(Modules.WORKFLOW_ENGINE);
  const { result } = await workflows.run('create-users-workflow', { input: { users: [{ email, ...name }] } });
  const auth = container.resolve(Modules.AUTH);
  const { authIdentity, error } = await auth.register('emailpass', { body: { email, password } });
  if (error) throw new Error(error);
  await auth.updateAuthIdentities({ id: authIdentity.id, app_metadata: { user_id: result[0].id } });
  return result[0].id;
}

/** The Admin in a browser in which the owner is logged in. */
export async function openAdmin({ container, address }) {
  const owner = await makeOwner(container);
  const browser = await launch();
  atEnd(() => browser.close());
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  await page.goto(`${address}/app/login`);
  await page.getByPlaceholder('Email').fill(OWNER.email);
  await page.getByPlaceholder('Password').fill(OWNER.password);
  await page.getByRole('button', { name: 'Continue with Email' }).click();
  await page.getByRole('heading', { name: 'Orders', exact: true }).waitFor();
  await page.close();

  // Runs `use` in a tab of its own. An error that the Admin shows in place of a page, one that nothing caught, and
  // an answer of the shop's that is an error fail it, if it is none of `expected` (regular expressions).
  const tab = async (name, use, { expected = [] } = {}) => {
    const page = await context.newPage();
    const troubles = [];
    const note = (trouble) => expected.some((known) => known.test(trouble)) || troubles.push(trouble);
    page.on('pageerror', (error) => note(`${error}`));
    page.on('console', (message) => /caught the following error/.test(message.text()) && note(message.text()));
    page.on('response', (response) => {
      if (response.status() < 400) return;
      note(`${response.status()} ${response.request().method()} ${new URL(response.url()).pathname}`);
    });
    try {
      await use(new Tab(page, address));
    } catch (error) {
      error.message += `\nat ${page.url()}${troubles.map((trouble) => `\n${trouble}`).join('')}`;
      throw error;
    } finally {
      const folder = process.env.PORTCULLIS_SCREENSHOTS;
      if (folder) await page.screenshot({ path: join(folder, `${name.replaceAll(/\W+/g, '-')}.png`) });
      await page.close();
    }
    assert.deepEqual(troubles, []);
  };
  return { owner, tab };
}

const PATHS = { secret: 'secret-api-keys', publishable: 'publishable-api-keys' };

/** What a user does in the Admin. */
class Tab {
  constructor(page, address) {
    this.page = page;
    this.address = address;
  }

  /** Opens a list of the settings, such as `sales-channels` or a kind of keys, or a page below it. */
  async open(list, below) {
    const path = [PATHS[list] ?? list, below].filter(Boolean).join('/');
    await this.page.goto(`${this.address}/app/settings/${path}`);
  }

  /** Opens the list of a kind of keys, searched for `text`. */
  async search(kind, text) {
    await this.open(`${PATHS[kind]}?q=${encodeURIComponent(text)}`);
  }

  heading(text) {
    return this.page.getByRole('heading', { name: text, exact: true });
  }

  row(text) {
    return this.page.getByRole('row', { name: text });
  }

  /** Waits until the page of a key says these things, by their labels. */
  async has(facts) {
    for (const [label, wanted] of Object.entries(facts)) {
      const value = this.page.getByText(label, { exact: true }).locator('xpath=following-sibling::*[1]');
      // Beside a user's name stands the letter of the avatar.
      await until(`${label} is ${wanted}`, async () => (await value.innerText()).split('\n').at(-1) === wanted);
    }
  }

  /** Waits until the page of the key with this title shows it with this status. */
  async shows(title, status) {
    await this.head(title).getByText(status, { exact: true }).waitFor();
  }

  async says(text) {
    await this.page.getByText(text, { exact: true }).first().waitFor();
  }

  async press(name) {
    await this.page.getByRole('button', { name, exact: true }).click();
  }

  async save(title) {
    const field = this.page.getByLabel('Title');
    await field.fill(title);
    await this.press('Save');
  }

  /** Opens the menu of a row or of the head of a key's page, and gives its entry with this name. */
  async entry(of, name) {
    await of.locator('button[aria-haspopup=menu]').click();
    return this.page.getByRole('menuitem', { name, exact: true });
  }

  async choose(of, name) {
    await (await this.entry(of, name)).click();
  }

  /** The head of the page of the key with this title. */
  head(title) {
    return this.heading(title).locator('xpath=..');
  }

  /** Says yes to the question whether to go on. */
  async confirm(button) {
    await this.page.getByRole('alertdialog').getByRole('button', { name: button, exact: true }).click();
  }

  async isDisabled(entry) {
    return (await entry.getAttribute('aria-disabled')) === 'true';
  }

  /** Waits until the clipboard holds `text`. */
  async copied(text) {
    await until('it is copied', async () => (await this.page.evaluate(() => navigator.clipboard.readText())) === text);
  }
}
