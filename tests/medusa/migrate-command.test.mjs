// `portcullis-medusa migrate` from Medusa's own module, and old keys that keep working for a limited time.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { chmod, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';

import { atEnd, temporaryFolder } from '../e2e/support/processes.mjs';
import { command, killed, oldShop } from './old-shop.mjs';
import { issuerFor } from './support.mjs';

const require = createRequire(import.meta.url);
const { ApiKeyModuleService, default: portcullis } = require('portcullis/medusa');

const DAY = 86_400_000;
const by = { revoked_by: 'usr_1' };
let issuer;
let folder;
let shops = 0;
before(async () => {
  issuer = await issuerFor();
  folder = await temporaryFolder();
});

/** A shop with a few old keys, and what does things to it. */
async function shop() {
  shops += 1;
  const report = join(folder, `report-${shops}.jsonl`);
  const made = await oldShop(`over_${shops}`);
  const create = (title, type = 'secret', created_by = 'usr_1') => made.medusa.createApiKeys({ title, type, created_by });
  const cli = async (args, how = {}) => {
    const { code = 0, ...more } = how;
    const result = await command([...args, ...(args[0] === 'migrate' ? ['--report', report] : []), '--json'], { url: made.url, issuer, ...more });
    assert.equal(result.code, code, result.stdout + result.stderr);
    return JSON.parse(result.stdout);
  };
  const service = (options = {}) => {
    const fallback = { until: new Date(Date.now() + DAY) };
    const api = new ApiKeyModuleService({ __pg_connection__: made.knex }, { ...issuer.options, fallback, freshFor: 50, refreshEvery: 50, ...options });
    atEnd(() => api.__hooks.onApplicationShutdown());
    return api;
  };
  const texts = async () => Object.fromEntries((await readFile(report, 'utf8')).trim().split('\n').map((line) => JSON.parse(line)).map((line) => [line.old_id, line.token]));
  return { ...made, create, cli, service, report, texts };
}

const window = (api, token) => api.listApiKeys({ token, type: 'publishable' }, { select: ['id', 'token', 'revoked_at'] });
const record = async (id) => (await issuer.api('GET', `/v1/keys/${id}`)).body;

test('each old key gets a new one, both texts work on both sides, and nothing secret is printed', async () => {
  const { create, cli, service, report, texts, medusa, rows, link } = await shop();
  const [active, scheduled, revoked, gone] = [await create('ERP\nsync'), await create('soon'), await create('leaked'), await create('gone')];
  const pub = await create('shop window', 'publishable', 'usr_2');
  await link(pub.id, 'sc_1');
  await link(pub.id, 'sc_2');
  await medusa.revoke(scheduled.id, { ...by, revoke_in: 3600 });
  await medusa.revoke(revoked.id, { revoked_by: 'usr_9' });
  await medusa.softDeleteApiKeys([gone.id]);

  const preview = await cli(['migrate']);
  assert.deepEqual([preview.done, preview.to_make.length, preview.left_out.map(({ old_id }) => old_id)], [false, 4, [gone.id]]);
  assert.deepEqual(preview.to_make[0], {
    old_id: active.id, old_redacted: active.redacted, title: 'ERP sync', title_before: 'ERP\nsync', type: 'secret', state: 'active', created_by: 'usr_1',
  });
  assert.equal((await issuer.api('GET', '/v1/keys?purpose=token')).body.keys.length, 0, 'a preview makes nothing');
  assert.deepEqual(await rows("select to_regclass('portcullis_replaced') as t"), [{ t: null }]);

  const { made } = await cli(['migrate', '--yes']);
  const of = Object.fromEntries(made.map((one) => [one.old_id, one]));
  assert.deepEqual(made.map(({ old_id, state }) => [old_id, state]).sort(), [[active.id, 'active'], [scheduled.id, 'scheduled'], [revoked.id, 'revoked'], [pub.id, 'active']].sort());
  assert.equal(Number((await stat(report)).mode & 0o777).toString(8), '600');
  const given = await texts();
  assert.deepEqual(Object.keys(given).sort(), [active.id, scheduled.id, pub.id].sort());
  assert.ok(!JSON.stringify(made).includes(given[active.id]), 'a secret text is printed');
  assert.equal(of[pub.id].token, given[pub.id]);

  const kept = await record(of[pub.id].new_id);
  assert.deepEqual([kept.title, kept.kind, kept.created_by, kept.metadata], ['shop window', 'publishable', 'usr_2', { medusa_api_key: pub.id }]);
  const late = await record(of[scheduled.id].new_id);
  assert.deepEqual([late.state, late.revoked_by], ['scheduled', 'usr_1']);
  const [{ revoked_at }] = await medusa.listApiKeys({ id: scheduled.id });
  assert.equal(Math.abs(new Date(late.revoked_at) - new Date(revoked_at)) < 1_000, true);
  const dead = await record(of[revoked.id].new_id);
  assert.deepEqual([dead.state, dead.revoked_by], ['revoked', 'usr_9']);

  // Processes that still run Medusa's module take the new texts, and give their rows.
  assert.equal((await medusa.authenticate(given[active.id])).id, of[active.id].new_id);
  assert.equal((await medusa.authenticate(active.token)).id, active.id);
  assert.equal((await medusa.listApiKeys({ token: given[pub.id], type: 'publishable' }))[0].id, of[pub.id].new_id);
  const linked = (id) => rows('select sales_channel_id as c from publishable_api_key_sales_channel where publishable_key_id = ? order by 1', [id]);
  assert.deepEqual([await linked(pub.id), await linked(of[pub.id].new_id)], [[{ c: 'sc_1' }, { c: 'sc_2' }], [{ c: 'sc_1' }, { c: 'sc_2' }]]);

  // And those that run portcullis/medusa the old ones, which resolve to the new records.
  const api = service();
  for (const [key, text] of [[active, active.token], [scheduled, scheduled.token], [active, given[active.id]]]) {
    const row = await api.authenticate(text);
    assert.deepEqual([row.id, row.token, row.created_by, row.salt], [of[key.id].new_id, '', 'usr_1', undefined]);
  }
  for (const text of [revoked.token, gone.token, `sk_${'0'.repeat(64)}`, `${active.token.slice(0, 20)}${'0'.repeat(44)}${active.token.slice(-3)}`, '', 'x']) assert.equal(await api.authenticate(text), false);
  assert.deepEqual(await window(api, pub.token), [{ id: of[pub.id].new_id, token: pub.token, revoked_at: null }]);
  assert.equal((await window(api, given[pub.id]))[0].id, of[pub.id].new_id);
  assert.deepEqual(await window(api, `pk_${'0'.repeat(64)}`), []);
  assert.deepEqual(await window(api, active.token), []);

  // The joiner asks for ids.
  const found = await api.listApiKeys({ id: [pub.id, of[pub.id].new_id, active.id, 'apk_none'] }, { order: { title: 'ASC' } });
  assert.deepEqual(found.map(({ id, token }) => [id, token]).sort(), [[pub.id, pub.token], [of[pub.id].new_id, given[pub.id]], [active.id, '']].sort());
  assert.ok(found.every((row) => !('salt' in row)));
  const [page, count] = await api.listAndCountApiKeys({ id: [pub.id, of[pub.id].new_id, active.id] }, { skip: 1, take: 1, order: { type: 'DESC' } });
  assert.deepEqual([page.length, count], [1, 3]);
  assert.equal((await api.retrieveApiKey(pub.id)).title, 'shop window');
  assert.ok(!(await api.listApiKeys()).some(({ id }) => id === pub.id), 'old keys are not in the list');

  // Uses are counted together, and status tells of them.
  await api.__hooks.onApplicationShutdown();
  const { keys } = await cli(['status']);
  const uses = Object.fromEntries(keys.map((key) => [key.old_id, [key.uses, key.replaced_by]]));
  assert.deepEqual(uses, {
    [active.id]: [1, of[active.id].new_id], [scheduled.id]: [1, of[scheduled.id].new_id], [revoked.id]: [0, of[revoked.id].new_id], [pub.id]: [1, of[pub.id].new_id],
  });

  // Again, it makes nothing.
  const again = await cli(['migrate', '--yes']);
  assert.deepEqual([again.made, again.made_before], [[], 4]);
});

test('a run that was killed anywhere is made good by the next one', async () => {
  const { create, cli, rows, texts, service } = await shop();
  const keys = [await create('one'), await create('two'), await create('three', 'publishable')];
  // It ends after a key was made and reported, and before the tables are written.
  await cli(['migrate', '--yes', '--owner', '999999'], { code: 1 });
  await rows("create function never() returns trigger language plpgsql as $$ begin raise exception 'the power is gone'; end $$");
  await rows('create trigger never before insert on portcullis_replaced execute function never()');
  assert.equal((await cli(['migrate', '--yes'], { code: 1 })).error, 'the power is gone');
  assert.equal((await rows('select 1 from api_key')).length, 3);
  await rows('drop trigger never on portcullis_replaced');
  const count = async () => (await issuer.api('GET', '/v1/keys?purpose=token&count=true&limit=1')).body.count;
  const before = await count();
  const { made } = await cli(['migrate', '--yes']);
  assert.equal(made.length, 3);
  const after = await count();
  assert.equal(after - before, 2, 'a key is made twice');
  const given = await texts();
  const api = service();
  for (const { old_id, new_id, type } of made) if (type === 'secret') assert.equal((await api.authenticate(given[old_id])).id, new_id);
  assert.equal(keys.length, 3);

  // Without the report, and when the issuer has forgotten the idempotency key: the earlier key is undone.
  const lost = await create('lost text');
  const first = (await issuer.api('POST', '/v1/keys', { title: 'lost text', kind: 'secret', environment: 'live', created_by: 'usr_1', metadata: { medusa_api_key: lost.id } })).body;
  const next = await cli(['migrate', '--yes']);
  assert.notEqual(next.made[0].new_id, first.key.id);
  assert.equal((await issuer.api('POST', '/v1/verify', { token: first.token })).body.code, 'revoked');
});

test('a run that is killed again and again makes each key once', async () => {
  const { create, cli, report, rows, texts, service, url } = await shop();
  const keys = [];
  for (let at = 0; at < 12; at += 1) keys.push(await create(`killed ${shops} ${at}`, at % 3 === 0 ? 'publishable' : 'secret'));
  const lines = async () => (await readFile(report, 'utf8').catch(() => '')).split('\n').length;
  let kills = 0;
  for (let at = 0; at < 3; at += 1) {
    const before = await lines();
    if (await killed(['migrate', '--yes', '--report', report], { url, issuer }, async () => (await lines()) >= before + 2)) kills += 1;
  }
  assert.ok(kills > 0, 'nothing was killed');
  await cli(['migrate', '--yes']);
  const pairs = await rows('select old_id, new_id from portcullis_replaced');
  assert.deepEqual([pairs.length, new Set(pairs.map(({ new_id }) => new_id)).size], [12, 12]);
  const given = await texts();
  const api = service();
  for (const { old_id, new_id } of pairs) {
    const { title, type } = keys.find(({ id }) => id === old_id);
    const made = (await issuer.api('GET', `/v1/keys?title=${encodeURIComponent(title)}`)).body.keys.filter((key) => key.title === title);
    assert.deepEqual(made.map(({ id, state }) => [id, state]), [[new_id, 'active']], title);
    const row = type === 'secret' ? await api.authenticate(given[old_id]) : (await window(api, given[old_id]))[0];
    assert.equal(row.id, new_id);
  }
});

test('what is revoked or made in the old dashboard after the first run is carried over by the next one', async () => {
  const { create, cli, medusa, link, rows } = await shop();
  const [one, pub] = [await create('one'), await create('window', 'publishable')];
  const { made } = await cli(['migrate', '--yes']);
  const of = Object.fromEntries(made.map(({ old_id, new_id }) => [old_id, new_id]));
  await medusa.revoke(of[one.id], by);
  await new Promise((resolve) => setTimeout(resolve, 1_100)); // links are dated to the second
  await link(pub.id, 'sc_new');
  const late = await create('late');
  const preview = await cli(['migrate']);
  assert.deepEqual([preview.to_make.map(({ old_id }) => old_id), preview.to_revoke], [[late.id], [{ old_id: one.id, new_id: of[one.id] }]]);
  await cli(['migrate', '--yes']);
  assert.equal((await record(of[one.id])).state, 'revoked');
  assert.equal((await rows('select 1 from publishable_api_key_sales_channel where publishable_key_id = ?', [of[pub.id]])).length, 1);
});

test('an old text ends with its own row, with the key that replaces it, and when the time is over', async () => {
  const { create, cli, service, rows, medusa } = await shop();
  const names = ['by module', 'at the issuer', 'suspended', 'deleted', 'old alone', 'by time'];
  const keys = [];
  for (const name of names) keys.push(await create(name), await create(name, 'publishable'));
  const { made } = await cli(['migrate', '--yes']);
  const of = Object.fromEntries(made.map(({ old_id, new_id }) => [old_id, new_id]));
  const [here, elsewhere] = [service(), service()];
  const takes = async (api, key) => {
    if (key.type === 'secret') return (await api.authenticate(key.token)) !== false;
    const [row] = await window(api, key.token);
    return row !== undefined && (row.revoked_at === null || row.revoked_at > new Date());
  };
  for (const key of keys) assert.equal(await takes(here, key), true, key.title);
  for (const key of keys) assert.equal(await takes(elsewhere, key), true, key.title);
  const named = (title) => keys.filter((key) => key.title === title);
  const refused = async (key) => {
    assert.equal(await takes(here, key), false, `${key.title} ${key.type} here`);
    const deadline = Date.now() + 10_000;
    while (await takes(elsewhere, key)) {
      assert.ok(Date.now() < deadline, `${key.title} ${key.type} elsewhere`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };

  for (const key of named('by module')) {
    await here.revoke({ id: of[key.id] }, by);
    assert.equal(await takes(here, key), false);
    assert.equal(await takes(elsewhere, key), false, 'at once, since the row is revoked');
    assert.equal(await medusa.authenticate(key.token), false, "and in processes of Medusa's module");
  }
  const until = Date.now() + 10_000;
  for (const key of named('at the issuer')) await issuer.api('POST', `/v1/keys/${of[key.id]}/revoke`, {});
  for (const key of named('at the issuer')) {
    while (await takes(here, key)) {
      assert.ok(Date.now() < until, 'the issuer revokes in vain');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await refused(key);
  }
  for (const key of named('suspended')) await here.softDeleteApiKeys(of[key.id]);
  for (const key of named('suspended')) await refused(key);
  for (const key of named('suspended')) await here.restoreApiKeys(of[key.id]);
  assert.equal(await takes(here, named('suspended')[0]), true);
  for (const key of named('deleted')) await here.deleteApiKeys(of[key.id]);
  for (const key of named('deleted')) assert.deepEqual([await takes(here, key), await takes(elsewhere, key)], [false, false]);

  for (const key of named('old alone')) {
    await assert.rejects(here.deleteApiKeys(key.id), { type: 'not_allowed' });
    const row = await here.revoke({ id: { $in: [key.id] } }, by);
    assert.deepEqual([row[0].id, row[0].revoked_by], [key.id, 'usr_1']);
    await assert.rejects(here.revoke(key.id, by), { type: 'invalid_data' });
    await assert.rejects(here.revoke(key.id, {}), { type: 'invalid_data' });
    assert.deepEqual([await takes(here, key), await takes(elsewhere, key)], [false, false]);
    assert.equal((await record(of[key.id])).state, 'active', 'what replaces it goes on');
    await here.deleteApiKeys(key.id);
    assert.deepEqual(await here.listApiKeys({ id: key.id }), []);
  }

  const over = service({ fallback: { until: new Date(Date.now() - 1_000) } });
  for (const key of named('by time')) {
    assert.equal(await takes(over, key), false);
    const [row] = await over.listApiKeys({ id: [key.id] });
    assert.ok(row.revoked_at <= new Date(), 'lookups by id go on, for links that are there still');
  }
  const without = service({ fallback: undefined });
  for (const key of named('by time')) assert.deepEqual([await takes(without, key), await without.listApiKeys({ id: key.id })], [false, []]);
  await rows('select 1');
});

test('an old key that nothing replaces yet works as itself, and status says so', async () => {
  const { create, cli, service, knex } = await shop();
  const [key, pub] = [await create('late'), await create('late window', 'publishable')];
  const api = service();
  await assert.rejects(api.authenticate(key.token), /no table "portcullis_replaced"; run `npx medusa db:migrate`/);
  // What the command makes, the module's migrations make as well.
  await portcullis.runMigrations({ container: { __pg_connection__: knex } });
  assert.deepEqual([(await api.authenticate(key.token)).id, (await window(api, pub.token))[0].id], [key.id, pub.id]);
  assert.equal((await api.listApiKeys({ id: [key.id] }, { select: ['created_by'], withDeleted: true }))[0].created_by, 'usr_1');
  await api.__hooks.onApplicationShutdown();
  const { keys } = await cli(['status']);
  assert.deepEqual(keys.map(({ old_id, uses, replaced_by }) => [old_id, uses, replaced_by]).sort(), [[key.id, 1, null], [pub.id, 1, null]].sort());
  await cli(['finish', '--yes'], { code: 1 });
  const { made } = await cli(['migrate', '--yes']);
  assert.equal((await api.authenticate(key.token)).id, made.find(({ old_id }) => old_id === key.id).new_id);
});

test('while the issuer is away, an old key goes on for as long as its record is kept', async () => {
  const { create, cli, service } = await shop();
  const key = await create('one');
  await cli(['migrate', '--yes']);
  const down = { url: issuer.url, fetch: undefined };
  let isAway = false;
  down.fetch = (...args) => (isAway ? Promise.reject(new TypeError('away')) : fetch(...args));
  const api = service({ ...down, freshFor: 0, recordsFor: 60_000, retries: 0, deadline: 200 });
  const short = service({ ...down, freshFor: 0, recordsFor: 0, retries: 0, deadline: 200 });
  assert.notEqual(await api.authenticate(key.token), false);
  assert.notEqual(await short.authenticate(key.token), false);
  isAway = true;
  const row = await api.authenticate(key.token);
  assert.notEqual(row, false);
  // What Medusa asks next, of each request with a secret key.
  assert.deepEqual(await api.listApiKeys({ id: [row.id] }, { select: ['created_by'], withDeleted: true }), [{ id: row.id, created_by: 'usr_1' }]);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(await short.authenticate(key.token), false);
});

test('finish ends the old keys for good', async () => {
  const { create, cli, service, rows, link, medusa } = await shop();
  await cli(['finish'], { code: 1 });
  const [key, pub] = [await create('one'), await create('window', 'publishable')];
  await link(pub.id, 'sc_1');
  const { made } = await cli(['migrate', '--yes']);
  const preview = await cli(['finish']);
  assert.deepEqual([preview.done, preview.ends.sort()], [false, [key.id, pub.id].sort()]);
  const done = await cli(['finish', '--yes']);
  assert.deepEqual([done.done, done.links_removed, done.rows_removed], [true, 1, 2]);
  const links = await rows('select publishable_key_id as k from publishable_api_key_sales_channel');
  assert.deepEqual(links, [{ k: made.find(({ old_id }) => old_id === pub.id).new_id }]);
  const api = service();
  assert.deepEqual([await api.authenticate(key.token), await medusa.authenticate(key.token)], [false, false]);
  assert.equal((await window(api, pub.token))[0].revoked_at <= new Date(), true);
  assert.deepEqual((await cli(['status'])).keys.map(({ state }) => state), ['ended', 'ended']);
  assert.deepEqual((await cli(['migrate'])).to_make, []);
  await cli(['rollback'], { code: 1 });
});

test("rollback makes the table say what the issuer says, and lists what Medusa's module can't know", async () => {
  const { create, cli, service, medusa, rows, link, texts } = await shop();
  const [key, leaked, pub] = [await create('one'), await create('leaked'), await create('window', 'publishable')];
  await link(pub.id, 'sc_1');
  const { made } = await cli(['migrate', '--yes']);
  const of = Object.fromEntries(made.map(({ old_id, new_id }) => [old_id, new_id]));
  const given = await texts();
  // An owner of its own would be better: other tests made keys at the same issuer.
  const api = service();
  const [secret, open] = await api.createApiKeys([{ title: 'since, secret', type: 'secret', created_by: 'usr_3' }, { title: 'since, public', type: 'publishable', created_by: 'usr_3' }]);
  await issuer.api('POST', `/v1/keys/${of[leaked.id]}/revoke`, { revoked_by: 'usr_4' });
  await rows("insert into publishable_api_key_sales_channel (publishable_key_id, sales_channel_id, id) values (?, 'sc_2', 'pksc_x')", [of[pub.id]]);
  await rows("delete from publishable_api_key_sales_channel where publishable_key_id = ? and sales_channel_id = 'sc_1'", [of[pub.id]]);

  const preview = await cli(['rollback']);
  assert.equal(preview.done, false);
  assert.ok(preview.lost.some(({ id }) => id === secret.id));
  assert.ok(preview.copied.some(({ id }) => id === open.id));
  assert.deepEqual(preview.revoked, [{ old_id: leaked.id, new_id: of[leaked.id] }]);
  assert.notEqual(await medusa.authenticate(leaked.token), false, 'a preview changes nothing');
  await cli(['rollback', '--yes']);
  for (const text of [leaked.token, given[leaked.id], secret.token]) assert.equal(await medusa.authenticate(text), false);
  assert.deepEqual([(await medusa.authenticate(key.token)).id, (await medusa.authenticate(given[key.id])).id], [key.id, of[key.id]]);
  for (const [text, id] of [[pub.token, pub.id], [given[pub.id], of[pub.id]], [open.token, open.id]]) {
    assert.equal((await medusa.listApiKeys({ token: text, type: 'publishable' }))[0].id, id);
  }
  const links = await rows('select sales_channel_id as c from publishable_api_key_sales_channel where publishable_key_id = ?', [pub.id]);
  assert.deepEqual(links, [{ c: 'sc_2' }]);
  assert.deepEqual((await cli(['rollback', '--yes'])).revoked, []);
  // And over again: nothing is made twice.
  assert.deepEqual((await cli(['migrate'])).to_make, []);
});

test('the report is its owner\'s alone', async () => {
  const { create, url } = await shop();
  await create('one');
  const open = join(folder, 'open.jsonl');
  await writeFile(open, '');
  await chmod(open, 0o644);
  const elsewhere = join(folder, 'link.jsonl');
  await symlink(join(folder, 'target.jsonl'), elsewhere);
  for (const report of [open, elsewhere, folder]) {
    const { code, stderr } = await command(['migrate', '--yes', '--report', report], { url, issuer });
    assert.equal(code, 1);
    assert.match(stderr, /--report/);
  }
});

test('what is misspelt is refused, and no password is taken from the command line', async () => {
  const { url, create } = await shop();
  await create('one');
  const typed = async (args, env = {}) => {
    const { code, stdout, stderr } = await command(args, { url, issuer, env });
    return [code, stdout, stderr];
  };
  for (const args of [['migrates'], ['migrate', '--yess'], ['status', '--yes'], ['finish', '--report', 'x'], ['migrate', 'now'], ['migrate', '--owner', 'anna'], ['migrate', '--environment', 'prod'], ['--json']]) {
    const [code, , stderr] = await typed(args);
    assert.equal(code, 2, args.join(' '));
    assert.match(stderr, /^portcullis-medusa: /);
  }
  assert.match((await typed(['--help']))[1], /rollback/);
  for (const name of ['PORTCULLIS_URL', 'PORTCULLIS_ADMIN_KEY', 'DATABASE_URL']) {
    const [code, , stderr] = await typed(['migrate'], { [name]: '' });
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`${name} is not set`));
  }
  const [code, , stderr] = await typed(['status', '--database', 'postgres://shop:hunter2@127.0.0.1/shop']);
  assert.deepEqual([code, stderr.includes('hunter2'), stderr.includes('PGPASSWORD')], [2, false, true]);
  const [away, , why] = await typed(['status'], { DATABASE_URL: 'postgres://shop:hunter2@127.0.0.1:1/shop' });
  assert.deepEqual([away, why.includes('hunter2')], [1, false]);
  const [refused, , told] = await typed(['migrate', '--yes'], { PORTCULLIS_ADMIN_KEY: 'sk_live_wrong' });
  assert.deepEqual([refused, told.includes('sk_live_wrong')], [1, false]);
  const [, text] = await typed(['migrate']);
  assert.match(text, /Nothing was changed\. To go on: npx portcullis-medusa migrate --yes/);
});

test('a mistake in the option is told when the application starts', () => {
  const make = (fallback, container = { __pg_connection__: {} }) => new ApiKeyModuleService(container, { ...issuer.options, fallback });
  for (const until of [undefined, 'tomorrow', '2027-02-30', '2027-01-31T12:00', '2019-01-01', new Date(NaN), new Date(1_800_000_000), new Date(Date.now() + 1_000 * DAY), 1_900_000_000_000, null]) {
    assert.throws(() => make({ until }), TypeError, String(until));
  }
  assert.throws(() => make({ untill: '2027-01-31' }), /did you mean `until`/);
  assert.throws(() => make('2027-01-31'), /`fallback` is/);
  const soon = new Date(Date.now() + DAY).toISOString();
  assert.throws(() => make({ until: soon }, {}), /shared database connection/);
  for (const until of [soon, soon.slice(0, 10), new Date(Date.now() + DAY), '2026-01-02']) make({ until });
});
