// `portcullis/issuer` against a real issuer.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { before, test } from 'node:test';
import { inspect } from 'node:util';

import { atEnd, until } from '../../tests/e2e/support/processes.mjs';
import { startIssuer } from '../../tests/e2e/support/issuer.mjs';
import { createIssuer, IssuerError } from '../js/issuer/client.js';
import { proxy } from './issuer-proxy.mjs';
import { close, listen } from './support.mjs';

let served;
let issuer;
let way;
let lossy;
before(async () => {
  served = await startIssuer();
  issuer = createIssuer({ url: served.url, adminKey: served.adminKey });
  way = await proxy(served.url);
  atEnd(() => way.close());
  lossy = createIssuer({ url: way.url, adminKey: served.adminKey });
});

const titles = (keys) => keys.map(({ title }) => title);
const fails = (act, code, more = {}) =>
  assert.rejects(act, (error) => {
    assert.ok(error instanceof IssuerError, String(error));
    assert.equal(error.code, code, error.message);
    for (const [name, value] of Object.entries(more)) assert.deepEqual(error[name], value, name);
    return true;
  });

// An address where no server listens.
async function deserted() {
  const server = createServer();
  const port = await listen(server);
  await close(server);
  return `http://127.0.0.1:${port}`;
}

test('the whole life of a key', async () => {
  const { key, token } = await issuer.keys.create({ title: 'Warehouse', metadata: { team: 'stock' } });
  assert.match(token, /^sk_live_/);
  assert.deepEqual(await issuer.keys.get(key.id), key);
  assert.equal((await issuer.keys.update(key.id, { title: 'Depot' })).title, 'Depot');
  assert.equal((await issuer.verify(token, { kind: 'secret' })).key.title, 'Depot');
  assert.equal((await issuer.keys.authenticate(token)).key.id, key.id);

  assert.equal((await issuer.keys.suspend(key.id)).state, 'suspended');
  assert.deepEqual({ ...(await issuer.keys.authenticate(token)), message: '' }, { ok: false, code: 'suspended', message: '' });
  assert.equal((await issuer.keys.resume(key.id)).state, 'active');

  const rolled = await issuer.keys.roll(key.id, { overlap_seconds: 60 });
  assert.equal(rolled.key.rolled_from, key.id);
  assert.equal(rolled.rolled.state, 'scheduled');
  const revoked = await issuer.keys.revoke(key.id, { wait: 5 });
  assert.deepEqual([revoked.state, revoked.published, revoked.everywhere], ['revoked', true, true]);
  assert.equal((await issuer.verify(token)).code, 'revoked');
  assert.deepEqual(await issuer.keys.delete(key.id), { id: key.id, object: 'api_key', deleted: true });
  await fails(issuer.keys.get(key.id), 'not_found', { status: 404, kind: 'not_found' });

  const held = await issuer.revokeHeld(rolled.token);
  assert.deepEqual([held.id, held.state], [rolled.key.id, 'revoked']);
});

test('many keys at once', async () => {
  const made = await issuer.keys.create([{ title: 'batch 1' }, { title: 'batch 2' }, { title: 'batch 3' }]);
  const ids = made.map(({ key }) => key.id);
  const { created, updated } = await issuer.keys.upsert([{ id: ids[0], title: 'batch one' }, { title: 'batch 4' }]);
  assert.deepEqual([titles(created.map(({ key }) => key)), titles(updated)], [['batch 4'], ['batch one']]);

  const revoked = await issuer.keys.revokeMany({ ids: ids.slice(0, 2), revoked_by: 'usr_1' });
  assert.deepEqual(revoked.keys.map((key) => [key.state, key.revoked_by]), [['revoked', 'usr_1'], ['revoked', 'usr_1']]);
  await fails(issuer.keys.deleteMany(ids), 'not_revoked', { status: 400, kind: 'not_allowed' });
  assert.deepEqual((await issuer.keys.deleteMany(ids.slice(0, 2))).ids, ids.slice(0, 2));
  const undone = await issuer.keys.undoMany([ids[2], created[0].key.id]);
  assert.equal(undone.published, true);
  assert.equal((await issuer.verify(created[0].token)).code, 'revoked');
  await fails(issuer.keys.revokeMany({ where: {} }), 'nothing_selected', { status: 400 });
});

test('sales channels of a publishable key', async () => {
  const { key } = await issuer.keys.create({ title: 'Shop', kind: 'publishable', sales_channels: ['sc_1'] });
  const changed = await issuer.keys.changeSalesChannels(key.id, { add: ['sc_2'], remove: ['sc_1'] });
  assert.deepEqual([changed.sales_channels, changed.published], [['sc_2'], true]);
  const found = await issuer.keys.list({ sales_channel: 'sc_2' }).toArray();
  assert.deepEqual(found.map(({ id }) => id), [key.id]);
});

test('pages are turned as they are read', async () => {
  const many = Array.from({ length: 7 }, (_, at) => ({ title: `page ${at}`, owner: 0 }));
  await issuer.keys.create(many);
  const pages = issuer.keys.list({ q: 'page ', order: 'title', limit: 3, count: true });
  const sizes = [];
  for await (const page of pages.pages()) sizes.push([page.items.length, page.count]);
  assert.deepEqual(sizes, [[3, 7], [3, 7], [1, 7]]);
  assert.deepEqual(titles(await pages.toArray()), titles(many));
  assert.deepEqual(titles(await pages.toArray({ atMost: 4 })), titles(many).slice(0, 4));

  const { result, seen } = await way.during([], async () => {
    for await (const key of lossy.keys.list({ q: 'page ', order: 'title', limit: 3 })) return key.title;
  });
  assert.deepEqual([result, seen.length], ['page 0', 1], 'a page is fetched that nobody asked for');
});

test('owners, policies and revocations of many', async () => {
  const owner = await issuer.owners.create({ name: 'Anna', external_id: 'cus_1' });
  assert.equal((await issuer.owners.update(owner.number, { name: 'Anna B.' })).name, 'Anna B.');
  assert.deepEqual((await issuer.owners.list({ external_id: 'cus_1' }).toArray()).map(({ name }) => name), ['Anna B.']);
  const second = await issuer.owners.create({ name: 'Bert' });
  const numbers = [];
  for await (const { number } of issuer.owners.list({ limit: 1 })) numbers.push(number);
  assert.deepEqual(numbers.toSorted(), [owner.number, second.number].toSorted());

  const policy = await issuer.policies.create({ name: 'readers', visibility: 'private', scopes: ['orders:read'] });
  assert.deepEqual([policy.published, policy.scopes], [true, ['orders:read']]);
  const changed = await issuer.policies.update(policy.number, { rate_class: 'slow' });
  assert.equal(changed.rate_class, 'slow');
  assert.equal((await issuer.policies.get(policy.number)).rate_class, 'slow');
  const all = await issuer.policies.list({ visibility: 'private' }).toArray();
  assert.ok(all.some(({ number }) => number === policy.number));

  const { token } = await issuer.keys.create({ title: 'hers', owner: owner.number, policy: policy.number });
  await fails(issuer.policies.delete(policy.number), 'in_use', { status: 409 });
  const entry = await issuer.bulkRevocations.create({ owner: owner.number, state: 'suspended' });
  assert.equal((await issuer.verify(token)).code, 'suspended');
  assert.ok((await issuer.bulkRevocations.list()).some(({ id }) => id === entry.id));
  assert.ok((await issuer.bulkRevocations.lift(entry.id)).lifted_at);
  assert.equal((await issuer.verify(token)).ok, true);
  await issuer.owners.delete(second.number);
  await fails(issuer.owners.get(second.number), 'not_found');
});

test('what the issuer asks of its keys is asked here too', async () => {
  const before = await issuer.settings.show();
  assert.deepEqual([before.version, before.reason_required], [0, false]);
  const preview = await issuer.settings.change({ dry_run: true, secret: { max_lifetime_seconds: 60 } });
  assert.equal(preview.dry_run, true);
  const { number } = await issuer.owners.create({ name: 'Settings' });
  const { key: old } = await issuer.keys.create({ title: 'before', owner: number });
  const asked = { max_lifetime_seconds: 60, owner_required: true };
  const changed = await issuer.settings.change({ if_version: 0, secret: asked, reason_required: true });
  try {
    assert.equal(changed.version, 1);
    assert.ok(changed.effects.find(({ kind }) => kind === 'secret').beyond_maximum > 0);
    await fails(issuer.settings.change({ if_version: 0, reason_required: false }), 'settings_changed', { status: 409 });
    const owned = { title: 'x', owner: number };
    const { keys } = issuer;
    await fails(keys.create({ title: 'x', expires_in_seconds: 60 }), 'owner_required', { status: 400, kind: 'invalid_data' });
    await fails(keys.create(owned), 'expiry_required');
    await fails(keys.upsert([{ ...owned, never_expires: true }]), 'expiry_required');
    await fails(keys.create([{ ...owned, expires_in_seconds: 61 }]), 'lifetime_too_long');
    await fails(keys.roll(old.id, { expires_in_seconds: 61 }), 'lifetime_too_long');
    const [line] = await keys.import(JSON.stringify({ title: 'x', owner: number }));
    assert.deepEqual([line.status, line.error.split(':')[0]], ['bad', '`expires_at` is missing']);

    const { key } = await keys.create({ ...owned, expires_in_seconds: 60 });
    for (const act of [
      () => keys.revoke(key.id),
      () => keys.revokeMany({ ids: [key.id] }),
      () => keys.suspend(key.id),
      () => keys.roll(key.id, { expires_in_seconds: 60 }),
      () => keys.undo(key.id),
      () => keys.undoMany([key.id]),
      () => issuer.bulkRevocations.create({ owner: number }),
    ]) {
      await fails(act(), 'reason_required', { status: 400 });
    }
    assert.equal((await keys.suspend(key.id, { reason: 'looked odd' })).state, 'suspended');
    assert.equal((await keys.revoke(key.id, { reason: 'it leaked' })).state, 'revoked');
    await fails(keys.delete(key.id), 'reason_required');
    await fails(keys.deleteMany([key.id]), 'reason_required');
    assert.equal((await keys.delete(key.id, { reason: 'tidied up' })).deleted, true);
    const [, revoked] = await issuer.events.list({ key_id: key.id }).toArray();
    assert.deepEqual([revoked.type, revoked.data.reason], ['api-key.revoked', 'it leaked']);
    const { key: odd } = await keys.create({ ...owned, expires_in_seconds: 60 });
    assert.equal((await keys.undo(odd.id, { reason: 'made in error' })).deleted, true);
  } finally {
    await issuer.settings.change({ secret: { max_lifetime_seconds: null, owner_required: false }, reason_required: false });
  }
});

test('what is published, and records of another system', async () => {
  const { number } = await issuer.list.publish();
  assert.ok((await issuer.list.show()).number >= number);
  await issuer.health.live();
  await issuer.health.ready();
  const file = '{"external_id":"old-1","title":"From before"}\n{"external_id":"old-2"}\n';
  const [made, bad] = await issuer.keys.import(file);
  assert.deepEqual([made.status, bad.status], ['made', 'bad']);
  const [again] = await issuer.keys.import(file);
  assert.deepEqual([again.status, again.id, again.token], ['before', made.id, made.token]);
});

test('admin keys of fewer scopes, and the signers', async () => {
  const { key, token } = await issuer.admins.create({ title: 'reader', scopes: ['keys:read'] });
  assert.deepEqual([key.purpose, key.scopes], ['admin', ['keys:read']]);
  const reader = createIssuer({ url: served.url, adminKey: token });
  assert.ok(Array.isArray((await reader.keys.list().page()).items));
  await fails(reader.keys.create({ title: 'more' }), 'insufficient_scope', { status: 403, kind: 'forbidden' });
  const { signers } = await issuer.keyring.show();
  assert.ok(signers.some(({ purpose }) => purpose === 'list'));
});

test('a key has a label that the keyring lists', async () => {
  const cli = (...args) => served.cli(['keyring', 'labels', ...args]);
  await fails(issuer.keys.create({ title: 'x', label: 'acme' }), 'label_not_listed', { status: 400, kind: 'invalid_data' });
  await cli('--add', 'acme', '--default', 'acme');
  const { labels } = await issuer.keyring.labels();
  assert.deepEqual([labels, (await issuer.keyring.show()).labels], [['acme', ''], ['acme', '']]);
  try {
    const { key, token } = await issuer.keys.create({ title: 'x' });
    assert.deepEqual([key.label, token.slice(0, 13)], ['acme', 'acme_sk_live_']);
    const rolled = await issuer.keys.roll(key.id, { label: '' });
    assert.deepEqual([rolled.key.label, rolled.token.slice(0, 8)], ['', 'sk_live_']);
  } finally {
    await cli('--default-unlabelled');
  }
});

test('events are listed, and followed over lost connections', async () => {
  const { key } = await issuer.keys.create({ title: 'watched' });
  await issuer.keys.revoke(key.id, { revoked_by: 'usr_9' });
  const past = await issuer.events.list({ key_id: key.id, order: 'asc', limit: 1 }).toArray();
  assert.deepEqual(past.map(({ type }) => type), ['api-key.created', 'api-key.revoked']);
  assert.equal(past[1].on_behalf_of, 'usr_9');

  const stop = new AbortController();
  way.plan = [];
  const seen = [];
  const following = (async () => {
    for await (const event of lossy.events.follow({ type: 'api-key.created', after: past[0].id }, { signal: stop.signal })) {
      seen.push(event.key_id);
      if (seen.length === 1) way.cut();
      if (seen.length === 3) return;
    }
  })();
  const made = [];
  const make = async (title) => made.push((await issuer.keys.create({ title })).key.id);
  await make('followed 1');
  await until('the first event', () => seen.length === 1);
  await make('followed 2');
  await make('followed 3');
  await following;
  assert.deepEqual(seen, made);

  const silent = issuer.events.follow({}, { signal: stop.signal }).next();
  stop.abort(new Error('enough'));
  await assert.rejects(silent, /enough/);
});

test('webhooks and their deliveries', async () => {
  const { webhook, secret } = await issuer.webhooks.create({ url: 'https://hooks.example.com/', types: ['api-key.revoked'] });
  assert.ok(secret.length > 20);
  assert.deepEqual((await issuer.webhooks.list()).map(({ id }) => id), [webhook.id]);
  assert.equal((await issuer.webhooks.update(webhook.id, { enabled: false })).enabled, false);
  assert.equal((await issuer.webhooks.get(webhook.id)).enabled, false);
  assert.notEqual((await issuer.webhooks.rotateSecret(webhook.id)).secret, secret);
  assert.deepEqual(await issuer.webhooks.deliveries(webhook.id).toArray(), []);
  assert.equal((await issuer.webhooks.replay(webhook.id, { after: 0 })).replayed >= 0, true);
  assert.deepEqual(await issuer.webhooks.delete(webhook.id), { id: webhook.id, deleted: true });
  await fails(issuer.webhooks.get(webhook.id), 'webhook_not_found', { status: 404 });
});

test('a create whose answer is lost makes one key, and its text is had', async () => {
  for (const trouble of ['drop', 'lose', { status: 502 }]) {
    const title = `created ${JSON.stringify(trouble)}`;
    const { result, seen } = await way.during([trouble], () => lossy.keys.create({ title }));
    assert.equal(seen.length, 2);
    const [first, second] = seen.map(({ headers }) => headers['idempotency-key']);
    assert.equal(first, second);
    assert.equal((await issuer.verify(result.token)).ok, true);
    const found = await issuer.keys.list({ title }).toArray();
    assert.deepEqual(found.map(({ id }) => id), [result.key.id], title);
  }
  const other = await way.during([], () => lossy.keys.create({ title: 'another' }));
  assert.notEqual(other.seen[0].headers['idempotency-key'], undefined);
  const mine = await issuer.keys.create({ title: 'mine' }, { idempotencyKey: 'order-17' });
  assert.deepEqual(await issuer.keys.create({ title: 'mine' }, { idempotencyKey: 'order-17' }), mine);
  await fails(issuer.keys.create({ title: 'other' }, { idempotencyKey: 'order-17' }), 'idempotency_key_reused');
});

test('acts that come to the same twice are done although an answer is lost', async () => {
  const { key } = await issuer.keys.create({ title: 'lost answers' });
  const through = async (act) => (await way.during(['lose'], act)).result;
  assert.equal((await through(() => lossy.keys.suspend(key.id))).state, 'suspended');
  assert.equal((await through(() => lossy.keys.resume(key.id))).state, 'active');
  assert.equal((await through(() => lossy.keys.revoke(key.id, { in_seconds: 3600 }))).state, 'scheduled');
  const revoked = await through(() => lossy.keys.revoke(key.id));
  assert.equal(revoked.state, 'revoked');
  assert.equal(revoked.published, false, 'nobody has told that it is');
  assert.equal((await through(() => lossy.keys.delete(key.id))).deleted, true);
  const made = await issuer.keys.create([{ title: 'undone 1' }, { title: 'undone 2' }]);
  const ids = made.map((one) => one.key.id);
  assert.deepEqual((await through(() => lossy.keys.undoMany(ids))).ids, ids);
  assert.equal((await issuer.verify(made[0].token)).code, 'revoked');

  const several = (await issuer.keys.create([{ title: 'revoked 1' }, { title: 'revoked 2' }])).map((one) => one.key.id);
  const all = await through(() => lossy.keys.revokeMany({ ids: several }));
  assert.deepEqual([all.count, all.keys.map(({ state }) => state)], [2, ['revoked', 'revoked']]);
  const half = [several[0], (await issuer.keys.create({ title: 'counts' })).key.id];
  await way.during(['lose'], () => fails(lossy.keys.revokeMany({ ids: half }), 'already_revoked'));

  // If no answer was lost, the client reports that the key is already deleted or revoked.
  await fails(lossy.keys.delete(key.id), 'not_found', { maybeDone: false });
  const other = await issuer.keys.create({ title: 'revoked once' });
  await issuer.keys.revoke(other.key.id);
  await fails(lossy.keys.revoke(other.key.id), 'already_revoked', { maybeDone: false, status: 409 });
});

test('a roll whose answer was lost is sent again, and makes one successor', async () => {
  for (const trouble of ['lose', 'drop', { status: 503 }]) {
    const { key } = await issuer.keys.create({ title: 'rolled once' });
    const { result, seen } = await way.during([trouble], () => lossy.keys.roll(key.id));
    assert.equal(seen.length, 2, JSON.stringify(trouble));
    assert.equal(result.key.rolled_from, key.id);
    const successors = [];
    for await (const other of issuer.keys.list({ q: 'rolled once' })) {
      if (other.rolled_from === key.id) successors.push(other.id);
    }
    assert.deepEqual(successors, [result.key.id]);
  }
});

test('an act that would be done twice is not sent again unless it surely was not done', async () => {
  const { seen: upserts } = await way.during(['lose'], () =>
    fails(lossy.keys.upsert([{ title: 'new' }]), 'unreachable', { maybeDone: true, attempts: 1 }),
  );
  assert.equal(upserts.length, 1);
});

test('nothing listens: nothing was sent, so everything is tried again, and told at last', async () => {
  const nobody = createIssuer({ url: await deserted(), adminKey: 'x', retries: 1 });
  await fails(nobody.owners.create({ name: 'n' }), 'unreachable', { attempts: 2, maybeDone: false, status: null });
});

test('pauses are those that the issuer asks for, and end with the signal', async () => {
  const soon = { status: 503, headers: { 'retry-after': '1' } };
  const before_ = Date.now();
  await way.during([soon], () => lossy.list.show());
  assert.ok(Date.now() - before_ >= 990, 'Retry-After was not heeded');

  const never = { status: 503, headers: { 'retry-after': '3600' } };
  const { seen } = await way.during([never], () => fails(lossy.list.show(), 'unexpected_answer', { retryAfter: 3_600_000 }));
  assert.equal(seen.length, 1, 'an hour is not waited');

  const stop = new AbortController();
  const late = { status: 503, headers: { 'retry-after': '50' } };
  await way.during([late], () => {
    const listing = lossy.list.show({ signal: stop.signal });
    setTimeout(() => stop.abort(new Error('enough')), 50);
    return assert.rejects(listing, /enough/);
  });
  await assert.rejects(issuer.list.show({ signal: AbortSignal.abort() }), { name: 'AbortError' });
});

test('an answer that does not come is not waited for', async () => {
  const silent = createIssuer({
    url: served.url,
    adminKey: served.adminKey,
    timeout: 50,
    retries: 1,
    fetch: (_, { signal }) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  });
  await fails(silent.list.show(), 'timeout', { attempts: 2 });
});

test('what is no issuer is told as such', async () => {
  const page = { status: 200, headers: { 'content-type': 'text/html' }, body: '<h1>Welcome</h1>' };
  const elsewhere = { status: 302, headers: { location: 'https://example.com/' } };
  const missing = { status: 404, body: 'no such page' };
  for (const step of [page, elsewhere, missing]) {
    await way.during([step], () => fails(lossy.list.show(), 'unexpected_answer', { status: step.status }));
  }
});

test('no error tells a key', async () => {
  const { token } = await issuer.keys.create({ title: 'told to nobody' });
  const wrong = createIssuer({ url: served.url, adminKey: token });
  const gone = createIssuer({ url: await deserted(), adminKey: token, retries: 0 });
  const acts = [
    [() => wrong.list.show(), 'invalid_admin_key'],
    [() => gone.verify(token), 'unreachable'],
    [() => issuer.keys.create({ title: 'of no kind', kind: token }), 'invalid'],
    [() => issuer.keys.import(`{"external_id":"x","title":"${token}","y":"${token}"`, { type: 'text/html' }), 'media_type'],
  ];
  for (const [act, code] of acts) {
    const error = await act().then(() => assert.fail(code), (reason) => reason);
    assert.equal(error.code, code);
    assert.ok(!inspect(error, { depth: 20, showHidden: true }).includes(token), code);
  }
  await assert.rejects(issuer.verify(token, { kind: token }), (error) => error instanceof TypeError && !error.message.includes(token));
  assert.throws(() => issuer.keys.list({ token }), (error) => error instanceof TypeError && !error.message.includes(token));
  const shown = inspect(wrong, { depth: 20, showHidden: true }) + JSON.stringify(wrong);
  assert.ok(!shown.includes(token));
  for (const adminKey of [`${token}\n`, ` ${token}`, '']) {
    assert.throws(
      () => createIssuer({ url: served.url, adminKey }),
      (error) => error instanceof TypeError && !error.message.includes(token),
    );
  }
});

test('mistakes in settings are told at once', () => {
  const adminKey = 'x';
  for (const options of [
    undefined,
    {},
    { url: served.url },
    { url: 'ftp://example.com', adminKey },
    { url: 'https://user:password@example.com', adminKey },
    { url: served.url, adminKey, timeout: 0 },
    { url: served.url, adminKey, retries: -1 },
  ]) {
    assert.throws(() => createIssuer(options), TypeError, JSON.stringify(options));
  }
});

test('an id is an id, and never a way to another address', async () => {
  for (const id of ['..', '.', '', '../list', '../../health/live', 'a/b', '%2e%2e']) {
    await fails(issuer.keys.get(id), 'not_found', { status: 404 });
  }
});

test('the admin key may be asked for each time', async () => {
  let asked = 0;
  const rolling = createIssuer({
    url: `${served.url}/`,
    adminKey: async () => {
      asked += 1;
      return served.adminKey;
    },
  });
  await rolling.list.show();
  await rolling.list.show();
  assert.equal(asked, 2);
});
