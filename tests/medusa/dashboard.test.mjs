// Medusa's own Admin for a shop with `portcullis/medusa`: its pages, and the issuer's records.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { before, test } from 'node:test';

import { until } from '../e2e/support/processes.mjs';
import { adminPages, openAdmin } from './admin.mjs';
import { issuerFor, since, startApplication } from './support.mjs';

const require = createRequire(import.meta.url);
const { Modules } = require('@medusajs/framework/utils');

const isTooOld = process.versions.node.localeCompare('20.19.0', 'en', { numeric: true }) < 0;
const skip =
  (process.env.CHROMIUM ? false : 'there is no Chromium on this machine') ||
  (isTooOld && "Medusa's Admin is built by Node 20.19 and later");
let admin;
let issuer;
let call;
let service;
let channels;
before(async () => {
  if (skip) return;
  const pages = await adminPages();
  issuer = await issuerFor();
  const shop = await startApplication(issuer, { admin: pages });
  // Of the shop's, which has read it; the issuer's program would take it for its own.
  delete process.env.DATABASE_URL;
  call = shop.call;
  service = shop.container.resolve(Modules.API_KEY);
  channels = shop.container.resolve(Modules.SALES_CHANNEL);
  admin = await openAdmin(shop);
});

function adminTest(name, { expected, ...options }, use) {
  test(name, { skip, ...options }, () => admin.tab(name, use, { expected }));
}

const record = async (title) => {
  const { keys } = (await issuer.api('GET', `/v1/keys?title=${encodeURIComponent(title)}`)).body;
  return keys[0];
};
const accepted = async (token) => (await issuer.api('POST', '/v1/verify', { token })).body.ok;
// The Admin asks once more for a key that it has just deleted.
const GONE = /^404 GET \/admin\/api-keys\/apk_\w+$/;
const store = async (token) =>
  (await call('GET', '/store/products', { headers: { 'x-publishable-api-key': token } })).status;
const asAdmin = async (token) =>
  (await call('GET', '/admin/sales-channels', { headers: { authorization: `Basic ${token}` } })).status;
const create = (title, type, more) => service.createApiKeys({ title, type, created_by: admin.owner, ...more });

const makesOne = since('2.12.4') ? false : 'this Medusa makes none';
adminTest('the key that a new shop makes for itself has a page', { skip: skip || makesOne }, async (tab) => {
  await tab.open('publishable');
  await tab.row('Default Publishable API Key').click();
  await tab.shows('Default Publishable API Key', 'Active');
  await tab.has({ 'Created by': '-' });
  await tab.row('Default Sales Channel').waitFor();
});

adminTest('a publishable key is created, copied, edited, revoked and deleted', { expected: [GONE] }, async (tab) => {
  await tab.open('publishable');
  await tab.page.getByRole('link', { name: 'Create' }).click();
  await tab.save('Storefront');
  await tab.says('API key was successfully created.');
  await tab.shows('Storefront', 'Active');
  await tab.has({ Type: 'Publishable', 'Created by': 'Olga Owner', 'Last used at': '-' });
  const made = await record('Storefront');
  assert.deepEqual([made.kind, made.state, made.created_by], ['publishable', 'active', admin.owner]);
  await tab.has({ Key: made.redacted.replace('***', '•••') });

  await tab.page.getByText('•••').click();
  await tab.copied(made.token);
  await tab.open('publishable');
  await tab.page.evaluate(() => navigator.clipboard.writeText(''));
  await tab.choose(tab.row('Storefront'), 'Copy API key');
  await tab.says('API key was copied to clipboard.');
  await tab.copied(made.token);
  assert.equal(await accepted(made.token), true);

  await tab.row('Storefront').click();
  await tab.choose(tab.head('Storefront'), 'Edit');
  await tab.save('Shop window');
  await tab.says('API key Shop window was successfully updated.');
  await tab.shows('Shop window', 'Active');
  assert.equal((await record('Shop window')).id, made.id);

  assert.equal(await tab.isDisabled(await tab.entry(tab.head('Shop window'), 'Delete')), true);
  await tab.page.getByRole('menuitem', { name: 'Revoke API key' }).click();
  await tab.confirm('Revoke API key');
  await tab.says('API key Shop window was successfully revoked.');
  await tab.shows('Shop window', 'Revoked');
  await tab.has({ 'Revoked by': 'Olga Owner' });
  const revoked = await record('Shop window');
  assert.deepEqual([revoked.state, revoked.revoked_by], ['revoked', admin.owner]);
  assert.equal(await accepted(made.token), false);

  await tab.choose(tab.head('Shop window'), 'Delete');
  await tab.confirm('Delete');
  await tab.says('API key Shop window was successfully deleted.');
  await tab.heading('Publishable API Keys').waitFor();
  await tab.row('Shop window').waitFor({ state: 'detached' });
  assert.equal(await record('Shop window'), undefined);
});

adminTest('a secret key is shown once, and edited, revoked and deleted in the list', {}, async (tab) => {
  await tab.open('secret', 'create');
  await tab.save('Warehouse');
  const dialog = tab.page.getByRole('alertdialog');
  await dialog.getByText('Secret Key Created').waitFor();
  const made = await record('Warehouse');
  const hidden = await dialog.getByText(/^sk_/).innerText();
  assert.match(hidden, /^sk_l•+\w\w$/);
  await dialog.getByRole('button').first().click();
  const token = await dialog.getByText(/^sk_\w+$/).innerText();
  assert.equal(`${token.slice(0, 8)}***${token.slice(-5)}`, made.redacted);
  await tab.confirm('Copy API key');
  await tab.says('Secret key was copied to clipboard.');
  await tab.copied(token);
  assert.equal(await asAdmin(token), 200);

  await tab.confirm('Continue');
  await tab.shows('Warehouse', 'Active');
  await tab.has({ Type: 'Secret', 'Created by': 'Olga Owner' });
  assert.deepEqual([made.kind, made.created_by, made.token ?? null], ['secret', admin.owner, null]);
  await tab.open('secret', made.id);
  await tab.shows('Warehouse', 'Active');
  assert.ok(!(await tab.page.content()).includes(token));

  await tab.open('secret');
  await tab.choose(tab.row('Warehouse'), 'Edit');
  await tab.save('Warehouse, hall 2');
  await tab.says('API key Warehouse, hall 2 was successfully updated.');
  await tab.open('secret');
  const row = tab.row('Warehouse, hall 2');
  await row.getByText('Active').waitFor();
  assert.equal(await tab.isDisabled(await tab.entry(row, 'Delete')), true);
  await tab.page.getByRole('menuitem', { name: 'Revoke API key' }).click();
  await tab.confirm('Revoke API key');
  await row.getByText('Revoked').waitFor();
  assert.equal((await record('Warehouse, hall 2')).revoked_by, admin.owner);
  assert.equal(await asAdmin(token), 401);
  await tab.choose(row, 'Delete');
  await tab.confirm('Delete');
  await row.waitFor({ state: 'detached' });
  assert.equal((await issuer.api('GET', `/v1/keys/${made.id}`)).status, 404);
});

adminTest('sales channels are added to a key and removed from it, on its page and as channels', {}, async (tab) => {
  const { id, token } = await create('Channels', 'publishable');
  await channels.createSalesChannels(['North', 'South', 'West'].map((name) => ({ name })));
  await tab.open('publishable', id);
  await tab.shows('Channels', 'Active');
  assert.equal(await store(token), 400);
  await tab.page.getByRole('link', { name: 'Add' }).click();
  const form = tab.page.getByRole('dialog');
  for (const name of ['North', 'South', 'West']) await form.getByRole('row', { name }).getByRole('checkbox').click();
  await form.getByRole('button', { name: 'Save' }).click();
  await tab.says('3 sales channels were successfully added to the API key.');
  for (const name of ['North', 'South', 'West']) await tab.row(name).waitFor();
  assert.equal(await store(token), 200);
  // What is linked already can't be added again.
  await tab.page.getByRole('link', { name: 'Add' }).click();
  await form.getByRole('row', { name: 'North' }).waitFor();
  assert.equal(await form.getByRole('row', { name: 'North' }).getByRole('checkbox').isDisabled(), true);
  await form.getByRole('button', { name: 'Cancel' }).click();

  await tab.choose(tab.row('North'), 'Delete');
  await tab.confirm('Delete');
  await tab.row('North').waitFor({ state: 'detached' });
  // A channel's own page knows no keys: what it can do is to go.
  await tab.open('sales-channels');
  await tab.choose(tab.row('South'), 'Delete');
  await tab.page.getByRole('alertdialog').getByRole('textbox').fill('South');
  await tab.confirm('Delete');
  await tab.row('South').waitFor({ state: 'detached' });
  await tab.open('publishable', id);
  await tab.row('West').waitFor();
  assert.deepEqual([await tab.row('North').count(), await tab.row('South').count()], [0, 0]);

  await tab.row('West').getByRole('checkbox').click();
  await tab.page.getByRole('button', { name: /^Remove/ }).click();
  await tab.confirm('Continue');
  await tab.says('1 sales channel was successfully removed from the API key.');
  await tab.row('West').waitFor({ state: 'detached' });
  assert.equal(await store(token), 400);
  assert.equal((await record('Channels')).state, 'active');
});

adminTest('keys are searched, filtered, sorted and turned over in pages', {}, async (tab) => {
  const numbers = Array.from({ length: 23 }, (_, at) => String(at + 1).padStart(2, '0'));
  const made = await service.createApiKeys(
    numbers.map((number) => ({ title: `Partner ${number}`, type: 'secret', created_by: admin.owner })),
  );
  await service.revoke(made[4].id, { revoked_by: admin.owner });
  const partners = (from, to) => numbers.slice(from - 1, to).map((number) => `Partner ${number}`);
  // The page goes on showing the rows that it had until it has others.
  const lists = (wanted) =>
    until(`the list is ${wanted}`, async () => {
      const rows = await tab.page.getByRole('row').filter({ hasText: 'Partner' }).allInnerTexts();
      return `${rows.map((text) => text.slice(0, 10))}` === `${wanted}`;
    });
  await tab.open('secret');
  const search = tab.page.getByPlaceholder('Search');
  await search.fill('partner');
  await lists(partners(1, 20));
  await tab.page.getByText('20 of 23 results').waitFor();
  await tab.press('Next');
  await lists(partners(21, 23));
  await tab.press('Prev');
  await lists(partners(1, 20));
  await search.fill('ner 17');
  await lists(['Partner 17']);

  await search.fill('partner');
  await lists(partners(1, 20));
  await search.locator('xpath=following::button[1]').click();
  await tab.page.getByRole('menuitemradio', { name: 'Title' }).click();
  await tab.page.getByRole('menuitemradio', { name: 'Descending' }).click();
  await tab.page.keyboard.press('Escape');
  await lists(partners(4, 23).toReversed());

  await tab.press('Add filter');
  await tab.page.getByRole('menuitem', { name: 'Revoked At' }).click();
  await tab.page.getByText('Last 7 days').click();
  await tab.page.keyboard.press('Escape');
  await lists(['Partner 05']);
});

adminTest('a key that was made and revoked at the issuer itself has a page', {}, async (tab) => {
  const options = ['--kind', 'publishable', '--title', 'By hand'];
  const { key } = await issuer.cli(['keys', 'create', ...options]);
  await tab.open('publishable', key.id);
  await tab.shows('By hand', 'Active');
  await tab.has({ 'Created by': '-' });
  await issuer.revoke(key.id);
  await tab.open('publishable', key.id);
  await tab.shows('By hand', 'Revoked');
  await tab.has({ 'Revoked by': '-' });
});

const expiry = { expected: [GONE] };
adminTest('a key that will expire is active, and can be revoked and deleted', expiry, async (tab) => {
  const expires_at = new Date(Date.now() + 86_400_000);
  const { id, token } = await create('For a day', 'secret', { expires_at });
  await tab.search('secret', 'For a day');
  await tab.row('For a day').getByText('Active').waitFor();
  await tab.row('For a day').click();
  await tab.shows('For a day', 'Active');
  await tab.choose(tab.head('For a day'), 'Revoke API key');
  await tab.confirm('Revoke API key');
  await tab.shows('For a day', 'Revoked');
  await tab.has({ 'Revoked by': 'Olga Owner' });
  assert.equal(await accepted(token), false);
  await tab.choose(tab.head('For a day'), 'Delete');
  await tab.confirm('Delete');
  await tab.says('API key For a day was successfully deleted.');
  assert.equal((await issuer.api('GET', `/v1/keys/${id}`)).status, 404);
});

// Nothing in the Admin catches what it has shown as a message.
const SHOWN = [/^(400|500) POST \/admin\/api-keys$/, /`title` must be/, /the issuer can't be reached/];
adminTest('what the issuer refuses, and that it is away, the owner is told', { expected: SHOWN }, async (tab) => {
  await tab.open('publishable', 'create');
  await tab.save('x'.repeat(300));
  await tab.page.getByText(/`title` must be/).first().waitFor();
  await issuer.server.stop();
  await tab.save('Too late');
  await tab.page.getByText(/the issuer can't be reached/).first().waitFor();
  assert.equal(await tab.page.getByLabel('Title').inputValue(), 'Too late');
});
