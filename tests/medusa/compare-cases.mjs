// The calls by which the two modules are compared. Each case gives what is to be compared, small
// enough for a cell of a table; what differs from run to run is written as a name.

import { more } from './compare-invalid.mjs';

const HOUR = 3600;
const YEAR = 365 * 24 * HOUR;
const by = { revoked_by: 'usr_1' };

/** `make(title, type)` makes a key; `api` is the service under test; `seen` are the events it told. */
export const cases = {
  // Making keys.
  'the text of a secret key': async ({ make }) => (await make('a')).token,
  'the text of a publishable key': async ({ make }) => (await make('a', 'publishable')).token,
  'the redacted form': async ({ make }) => {
    const { token, redacted } = await make('a');
    const [front, last] = redacted.split('***');
    const isOfIt = token.startsWith(front) && token.endsWith(last);
    return isOfIt && `the first ${front.length} characters, ***, the last ${last.length}`;
  },
  'the fields of a new key': async ({ make }) => fields(await make('a')),
  'what a new key has not': async ({ make }) => {
    const { last_used_at, revoked_by, revoked_at, deleted_at } = await make('a');
    return [last_used_at, revoked_by, revoked_at, deleted_at];
  },
  'several secret keys at once': async ({ api }) => (await api.createApiKeys([secret('a'), secret('b')])).map(({ title }) => title),
  'a list of one': async ({ api }) => (await api.createApiKeys([secret('a')])).length,
  'no keys at all': ({ api }) => api.createApiKeys([]),
  'a key of a type that is neither': ({ api }) => api.createApiKeys({ ...secret('a'), type: 'admin' }),
  'a key of an empty title': async ({ api }) => (await api.createApiKeys(secret(''))).title,
  'a key of a blank title': async ({ api }) => (await api.createApiKeys(secret('  '))).title,
  'a key of a title with a line end': async ({ api }) => (await api.createApiKeys(secret('a\nb'))).title.split('\n').length,
  'a key of a title of 300 characters': async ({ api }) => (await api.createApiKeys(secret('x'.repeat(300)))).title.length,
  "a key in nobody's name": async ({ api }) => (await api.createApiKeys({ ...secret('a'), created_by: '' })).created_by,
  'two keys of one title': async ({ make, api }) => {
    await make('a');
    await make('a');
    return (await api.listApiKeys({ title: 'a' })).length;
  },

  // Looking keys up.
  'the token in lists': async ({ make, api }) => {
    const [, window] = [await make('a'), await make('b', 'publishable')];
    return (await api.listApiKeys()).map(({ token }) => (token === window.token ? 'as it is' : token)).sort();
  },
  'salt and hash in lists': async ({ make, api }) => {
    await make('a');
    return fields((await api.listApiKeys())[0]);
  },
  'a secret key, asked for its token alone': async ({ make, api }) => {
    await make('a');
    return (await api.listApiKeys({}, { select: ['id', 'token'] }))[0].token;
  },
  'one field': async ({ make, api }) => {
    await make('a');
    return fields((await api.listApiKeys({}, { select: ['title'] }))[0]);
  },
  'a publishable key by its token': async ({ make, api }) => {
    const { token } = await make('a', 'publishable');
    return names(await api.listApiKeys({ token }));
  },
  'a publishable key by one of two tokens': async ({ make, api }) => {
    const { token } = await make('a', 'publishable');
    return names(await api.listApiKeys({ token: [token, 'pk_none'] }));
  },
  'a secret key by its token': async ({ make, api }) => names(await api.listApiKeys({ token: (await make('a')).token })),
  'by id, by ids, by none': async ({ make, api }) => {
    const [a, b] = [await make('a'), await make('b')];
    const lists = [{ id: a.id }, { id: [a.id, b.id] }, { id: [] }, { id: 'apk_none' }];
    return Promise.all(lists.map(async (filters) => names(await api.listApiKeys(filters))));
  },
  'by type': async ({ make, api }) => {
    await make('a');
    await make('b', 'publishable');
    return names(await api.listApiKeys({ type: 'publishable' }));
  },
  'by words': async ({ make, api }) => {
    for (const title of ['Back office', 'back door', 'Office', 'Rück']) await make(title);
    const words = ['back', 'BACK off', 'office back', 'ück', 'nothing'];
    return Promise.all(words.map(async (q) => names(await api.listApiKeys({ q }))));
  },
  'by the redacted form': async ({ make, api }) => {
    const { redacted } = await make('a');
    return names(await api.listApiKeys({ q: redacted }));
  },
  'by alternatives': async ({ make, api }) => {
    for (const title of ['a', 'b', 'c']) await make(title, title === 'c' ? 'publishable' : 'secret');
    const filters = [
      { $or: [{ title: 'a' }, { type: 'publishable' }] },
      { $and: [{ title: ['a', 'b'] }, { title: { $ne: 'a' } }] },
      { title: { $in: ['a', 'c'] }, type: 'secret' },
      { title: { $nin: ['a'] } },
      { title: { $ilike: '%B%' } },
      { title: { $like: '%B%' } },
    ];
    return Promise.all(filters.map(async (filter) => names(await api.listApiKeys(filter))));
  },
  'by when they were revoked': async ({ make, api }) => {
    const [, b, c] = [await make('never'), await make('now'), await make('later')];
    await api.revoke(b.id, by);
    await api.revoke(c.id, { ...by, revoke_in: HOUR });
    const now = new Date(Date.now() + 60_000);
    const filters = [{ $eq: null }, { $ne: null }, { $gt: now }, { $lt: now }, { $lte: now.toISOString() }];
    const lists = filters.map(async (revoked_at) => names(await api.listApiKeys({ revoked_at })));
    return Promise.all(lists);
  },
  'by when they were made': async ({ make, api }) => {
    await make('a');
    const [past, future] = [new Date(Date.now() - 60_000), new Date(Date.now() + 60_000)];
    const filters = [{ $gt: past }, { $lt: past }, { $gte: past, $lt: future }];
    return Promise.all(filters.map(async (created_at) => names(await api.listApiKeys({ created_at }))));
  },
  'keys by a field that there is not': async ({ api }) => (await api.listApiKeys({ colour: 'red' })).length,
  'order, first and rest': async ({ make, api }) => {
    for (const title of ['b', 'a', 'c']) await make(title);
    const list = async (config) => titles(await api.listApiKeys({}, config));
    return [
      await list({ order: { title: 'ASC' } }),
      await list({ order: { title: 'DESC' } }),
      await list({ order: { created_at: 'ASC' } }),
      await list({ order: { type: 'ASC', title: 'DESC' } }),
      await list({ order: { title: 'ASC' }, skip: 1 }),
      await list({ order: { title: 'ASC' }, skip: 1, take: 1 }),
      await list({ order: { title: 'ASC' }, skip: 9 }),
    ];
  },
  'pages and their count': async ({ make, api }) => {
    for (const title of ['a', 'b', 'c', 'zzzz']) await make(title, title === 'zzzz' ? 'publishable' : 'secret');
    const page = async (filters, config) => {
      const [rows, count] = await api.listAndCountApiKeys(filters, { order: { title: 'ASC' }, ...config });
      return [titles(rows), count];
    };
    return [
      await page({}, { skip: 0, take: 2 }),
      await page({ type: 'secret' }, { skip: 2, take: 2 }),
      await page({ $or: [{ title: 'a' }, { title: 'zzzz' }] }, { skip: 1, take: 1 }),
      await page({ q: 'zzzz' }, { take: 5 }),
    ];
  },
  'every key where nothing is said': async ({ api }) => {
    await api.createApiKeys(Array.from({ length: 230 }, (_, at) => ({ ...secret(`${at}`), type: 'publishable' })));
    return [(await api.listApiKeys()).length, (await api.listAndCountApiKeys())[1]];
  },
  'a key by its id': async ({ make, api }) => {
    const { id } = await make('a');
    const { token, title } = await api.retrieveApiKey(id);
    return [token, title, fields(await api.retrieveApiKey(id, { select: ['title'] }))];
  },
  'a key that there is not': ({ api }) => api.retrieveApiKey('apk_none'),
  'a key of no id': ({ api }) => api.retrieveApiKey(undefined),

  // Changing keys.
  'a new title': async ({ make, api }) => {
    const { id } = await make('a');
    const { title, token } = await api.updateApiKeys(id, { title: 'b' });
    return [title, token];
  },
  'new titles by a selector': async ({ make, api }) => {
    await make('a');
    await make('b', 'publishable');
    return names(await api.updateApiKeys({ type: 'publishable' }, { title: 'c' }));
  },
  'everything but the title': async ({ make, api }) => {
    const { id } = await make('a');
    const { title, type, revoked_by } = await api.updateApiKeys(id, { title: 'b', type: 'publishable', revoked_by: 'me' });
    return [title, type, revoked_by];
  },
  'an update of nothing': async ({ make, api }) => (await api.updateApiKeys((await make('a')).id, {})).title,
  'a new title of a revoked key': async ({ make, api }) => {
    const { id } = await make('a');
    await api.revoke(id, by);
    return (await api.updateApiKeys(id, { title: 'b' })).title;
  },
  'a new title of a key that there is not': ({ api }) => api.updateApiKeys('apk_none', { title: 'b' }),
  'a new title of none': ({ api }) => api.updateApiKeys({ title: 'none' }, { title: 'b' }),
  'some made and some changed': async ({ make, api }) => {
    const { id } = await make('a');
    return titles(await api.upsertApiKeys([{ id, title: 'b' }, secret('c')]));
  },
  'the text of one that is made by an upsert': async ({ api }) => (await api.upsertApiKeys(secret('a'))).token,
  'the token of one that is changed by an upsert': async ({ make, api }) => {
    const { id } = await make('a');
    const changed = await api.upsertApiKeys({ id, title: 'b' });
    return [changed.token, 'salt' in changed];
  },

  // Revoking keys.
  'a revocation': async ({ make, api }) => {
    const { id } = await make('a');
    const { revoked_at, revoked_by, token } = await api.revoke(id, by);
    return [when(revoked_at), revoked_by, token];
  },
  'a revocation in an hour': async ({ make, api }) => {
    const { id, token } = await make('a');
    const { revoked_at } = await api.revoke(id, { ...by, revoke_in: HOUR });
    return [when(revoked_at), (await api.authenticate(token)).id === id];
  },
  'a revocation in no seconds, or fewer': async ({ make, api }) => {
    const [a, b] = [await make('a'), await make('b')];
    const revoked = [await api.revoke(a.id, { ...by, revoke_in: 0 }), await api.revoke(b.id, { ...by, revoke_in: -5 })];
    return revoked.map(({ revoked_at }) => when(revoked_at));
  },
  'a revocation in 200 years': async ({ make, api }) => {
    const { id, token } = await make('a');
    const { revoked_at } = await api.revoke(id, { ...by, revoke_in: 200 * YEAR });
    const years = Math.round((revoked_at.getTime() - Date.now()) / 1000 / YEAR);
    return [years === 200 ? 'in 200 years' : `in the year ${revoked_at.getUTCFullYear()}`, (await api.authenticate(token)).id === id];
  },
  'a revocation of a key without an id': ({ api }) => api.revoke('', by),
  'revocations by a selector': async ({ make, api }) => {
    await make('a');
    await make('b', 'publishable');
    return titles(await api.revoke({ type: 'secret' }, by));
  },
  'a revocation in nobody\'s name': async ({ make, api }) => api.revoke((await make('a')).id, {}),
  'a revocation of a key that there is not': ({ api }) => api.revoke('apk_none', by),
  'revocations of an empty list': ({ api }) => api.revoke([], by),
  'revocations of {}': async ({ make, api }) => {
    await make('a');
    return titles(await api.revoke({}, by));
  },
  'a secret key revoked twice': async ({ make, api }) => {
    const { id } = await make('a');
    await api.revoke(id, by);
    return api.revoke(id, by);
  },
  'three keys of which two are revoked already, and a publishable one': async ({ make, api }) => {
    const keys = [await make('a'), await make('b'), await make('c'), await make('d', 'publishable')];
    const ids = keys.map(({ id }) => id);
    await api.revoke({ id: [ids[0], ids[1], ids[3]] }, by);
    return api.revoke({ id: [...ids, ...ids] }, by);
  },
  'a publishable key revoked twice': async ({ make, api }) => {
    const { id } = await make('a', 'publishable');
    await api.revoke(id, by);
    return (await api.revoke(id, { revoked_by: 'usr_2' })).revoked_by;
  },
  'a revoked publishable key, to be revoked in an hour': async ({ make, api }) => {
    const { id } = await make('a', 'publishable');
    await api.revoke(id, by);
    return when((await api.revoke(id, { ...by, revoke_in: HOUR })).revoked_at);
  },
  'a scheduled revocation brought forward': async ({ make, api }) => {
    const { id } = await make('a');
    await api.revoke(id, { ...by, revoke_in: HOUR });
    return when((await api.revoke(id, by)).revoked_at);
  },
  'a scheduled revocation put off': async ({ make, api }) => {
    const { id } = await make('a');
    await api.revoke(id, { ...by, revoke_in: HOUR });
    return when((await api.revoke(id, { ...by, revoke_in: 3 * HOUR })).revoked_at);
  },
  'of two keys one is revoked already': async ({ make, api }) => {
    const [a, b] = [await make('a'), await make('b')];
    await api.revoke(a.id, by);
    const failed = await api.revoke({ id: [a.id, b.id] }, by).catch(({ type, message }) => `${type}: ${message}`);
    return [failed, when((await api.retrieveApiKey(b.id)).revoked_at)];
  },

  // Deleting keys.
  'a revoked key deleted': async ({ make, api }) => {
    const { id, token } = await make('a');
    await api.revoke(id, by);
    return [await api.deleteApiKeys(id), await api.authenticate(token), titles(await api.listApiKeys())];
  },
  'a key that was just made deleted': async ({ make, api }) => {
    const { id, token } = await make('a');
    await api.deleteApiKeys([id]);
    return [await api.authenticate(token), titles(await api.listApiKeys())];
  },
  'a key that there is not deleted': ({ api }) => api.deleteApiKeys(['apk_none']),
  'a key softly deleted': async ({ make, api }) => {
    const { id, token } = await make('a');
    await api.softDeleteApiKeys([id]);
    const lists = [titles(await api.listApiKeys()), titles(await api.listApiKeys({}, { withDeleted: true }))];
    return [await api.authenticate(token), ...lists, (await api.listAndCountApiKeys())[1]];
  },
  'a key restored': async ({ make, api }) => {
    const { id, token } = await make('a');
    await api.softDeleteApiKeys([id]);
    await api.restoreApiKeys([id]);
    // A list that has the suspension goes on having it until the next one.
    const deadline = Date.now() + 10_000;
    while ((await api.authenticate(token)) === false && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return [(await api.authenticate(token)).id === id, titles(await api.listApiKeys())];
  },

  ...more,

  // Verifying keys.
  'a secret key authenticated': async ({ make, api }) => {
    const { id, token } = await make('a');
    const key = await api.authenticate(token);
    return [key.id === id, key.title, key.created_by];
  },
  'what authenticate tells': async ({ make, api }) => {
    const { salt, token } = await api.authenticate((await make('a')).token);
    return [salt === undefined ? 'no salt' : 'the salt', token];
  },
  'a publishable key authenticated': async ({ make, api }) => api.authenticate((await make('a', 'publishable')).token),
  'a revoked key authenticated': async ({ make, api }) => {
    const { id, token } = await make('a');
    await api.revoke(id, by);
    return api.authenticate(token);
  },
  'texts authenticated that are no keys': async ({ api }) => {
    const texts = ['', 'sk_', 'nonsense', `sk_${'0'.repeat(64)}`, 'sk_live_Łó', '\ud800'];
    return Promise.all(texts.map((text) => api.authenticate(text)));
  },
  'nothing authenticated': ({ api }) => api.authenticate(undefined),

  // Beside the calls.
  'the events of a life': async ({ make, api, seen }) => {
    const { id } = await make('a');
    await api.updateApiKeys(id, { title: 'b' });
    await api.revoke(id, by);
    await api.deleteApiKeys(id);
    return seen.filter(({ data }) => data.id === id).map(({ name, metadata: { source, object, action } }) => [name, source, object, action]);
  },
  'the events of a restore': async ({ make, api, seen }) => {
    const { id } = await make('a');
    await api.softDeleteApiKeys([id]);
    await api.restoreApiKeys([id]);
    return seen.filter(({ data }) => data.id === id).map(({ metadata: { action } }) => action);
  },
  'what links to keys': ({ linkable }) => JSON.parse(JSON.stringify(linkable)),
};

const secret = (title) => ({ title, type: 'secret', created_by: 'usr_1' });
const titles = (rows) => rows.map(({ title }) => title);
// Where no order is asked for, Medusa's is the database's.
const names = (rows) => titles(rows).sort();
const fields = (row) => Object.keys(row).filter((name) => row[name] !== undefined).sort().join(' ');

function when(date) {
  if (date === null || date === undefined) return 'never';
  const seconds = (date.getTime() - Date.now()) / 1000;
  return seconds < 60 ? 'now' : `in ${Math.round(seconds / HOUR)} h`;
}
