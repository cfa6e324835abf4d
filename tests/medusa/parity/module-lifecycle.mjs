// A key's life with the module's own calls: created, changed, revoked, deleted, restored.

import { until } from '../../e2e/support/processes.mjs';

const by = { revoked_by: 'usr_2' };
const HOUR = 3600;
const titles = (rows) => rows.map(({ title }) => title).sort();
/** The beginning, `***` and the end: Medusa's module shows less of both. */
const isShort = (redacted, token) => {
  const [front, last] = redacted.split('***');
  return redacted.length < 20 && token.startsWith(front) && token.endsWith(last);
};
const near = (date, other = Date.now(), seconds = 30) => Math.abs(date.getTime() - other) < seconds * 1000;

export const cases = {
  // Made.
  'a new publishable key says all of itself': {
    run: async ({ api }) => {
      const { id, token, redacted, created_at, updated_at, expires_at, ...rest } = await api.createApiKeys({ title: 'Shop', type: 'publishable', created_by: 'usr_1' });
      const shown = [id.startsWith('apk_'), token.startsWith('pk_'), isShort(redacted, token)];
      return [rest, shown, near(created_at) && near(updated_at)];
    },
    both: [
      { title: 'Shop', type: 'publishable', created_by: 'usr_1', revoked_by: null, revoked_at: null, last_used_at: null, deleted_at: null },
      [true, true, true],
      true,
    ],
  },
  'a new secret key says all of itself, and its text only now': {
    run: async ({ api }) => {
      const { id, token, redacted, created_at, updated_at, expires_at, ...rest } = await api.createApiKeys({ title: 'Office', type: 'secret', created_by: 'usr_1' });
      const later = await api.retrieveApiKey(id);
      const shown = [token.startsWith('sk_'), isShort(redacted, token), later.redacted === redacted];
      return [rest, shown, later.token];
    },
    both: [
      { title: 'Office', type: 'secret', created_by: 'usr_1', revoked_by: null, revoked_at: null, last_used_at: null, deleted_at: null },
      [true, true, true],
      '',
    ],
  },
  'a list of both types comes back in its order': {
    run: async ({ api }) => {
      const made = await api.createApiKeys(['secret', 'publishable', 'secret', 'publishable'].map((type, at) => ({ title: `${at}`, type, created_by: 'usr_1' })));
      return made.map(({ title, type, token }) => [title, type, token.slice(0, 3)]);
    },
    both: [['0', 'secret', 'sk_'], ['1', 'publishable', 'pk_'], ['2', 'secret', 'sk_'], ['3', 'publishable', 'pk_']],
  },
  'as many secret keys count at a time as there are': {
    run: async ({ api, make }) => {
      const made = [await make('a'), await make('b'), await make('c')];
      return Promise.all(made.map(async ({ token, id }) => (await api.authenticate(token)).id === id));
    },
    both: [true, true, true],
  },
  'of a list with one key that can\'t be, none is made': {
    run: async ({ api, refused }) => {
      const list = [{ title: 'good', type: 'secret', created_by: 'usr_1' }, { title: 'bad', type: 'master', created_by: 'usr_1' }];
      const failed = await refused(api.createApiKeys(list));
      return [typeof failed, (await api.listApiKeys()).length];
    },
    both: ['string', 0],
  },
  'ids and texts are never those of another key': {
    run: async ({ api }) => {
      const made = await api.createApiKeys(Array.from({ length: 40 }, () => ({ title: 'same', type: 'publishable', created_by: 'usr_1' })));
      return [new Set(made.map(({ id }) => id)).size, new Set(made.map(({ token }) => token)).size];
    },
    both: [40, 40],
  },

  // Changed.
  'a new title, and nothing else': {
    run: async ({ api, make }) => {
      const made = await make('old');
      const changed = await api.updateApiKeys(made.id, { title: 'new' });
      const { updated_at, ...now } = changed;
      const { updated_at: before, ...was } = made;
      return [JSON.stringify(now) === JSON.stringify({ ...was, token: '', title: 'new' }) || [now, was], updated_at >= before];
    },
    both: [true, true],
  },
  'a key goes on counting under its new title': {
    run: async ({ api, make }) => {
      const { id, token } = await make('old');
      await api.updateApiKeys(id, { title: 'new' });
      return (await api.authenticate(token)).title;
    },
    both: 'new',
  },
  'an update by an id gives a key, by a selector a list': {
    run: async ({ api, make }) => {
      const { id } = await make('a');
      await make('b');
      return [Array.isArray(await api.updateApiKeys(id, { title: 'c' })), titles(await api.updateApiKeys({ title: ['b', 'c'] }, { title: 'd' }))];
    },
    both: [false, ['d', 'd']],
  },
  'neither type, creator nor revocation is changed by an update': {
    run: async ({ api, make }) => {
      const { id } = await make('a');
      await api.updateApiKeys(id, { title: 'a', type: 'publishable', created_by: 'usr_9', revoked_at: new Date(), revoked_by: 'usr_9', last_used_at: new Date() });
      const { type, created_by, revoked_at, revoked_by, last_used_at } = await api.retrieveApiKey(id);
      return [type, created_by, revoked_at, revoked_by, last_used_at];
    },
    both: ['secret', 'usr_1', null, null, null],
  },
  'an upsert of one key with its id changes it': {
    run: async ({ api, make }) => {
      const { id } = await make('a', 'publishable');
      const changed = await api.upsertApiKeys({ id, title: 'b' });
      return [changed.id === id, changed.title, (await api.listApiKeys()).length];
    },
    both: [true, 'b', 1],
  },
  'an upsert without an id makes a key that counts': {
    run: async ({ api }) => {
      const made = await api.upsertApiKeys({ title: 'a', type: 'secret', created_by: 'usr_1' });
      return [(await api.authenticate(made.token)).id === made.id, Array.isArray(made)];
    },
    both: [true, false],
  },
  'an upsert of what is new and what is not': {
    run: async ({ api, make }) => {
      const { id } = await make('a');
      const done = await api.upsertApiKeys([{ id, title: 'changed' }, { title: 'made', type: 'publishable', created_by: 'usr_1' }]);
      return [titles(done), titles(await api.listApiKeys())];
    },
    both: [['changed', 'made'], ['changed', 'made']],
  },
  'an upsert of an id that there is not': {
    run: async ({ api, refused }) => [await refused(api.upsertApiKeys({ id: 'apk_none', title: 'b' })), (await api.listApiKeys()).length],
    both: ['not_found: ApiKey with id "apk_none" not found', 0],
  },

  // Revoked.
  'a revocation says when and by whom, and the key no longer counts': {
    run: async ({ api, make }) => {
      const { id, token } = await make('a');
      const revoked = await api.revoke(id, by);
      const kept = await api.retrieveApiKey(id);
      return [near(revoked.revoked_at), revoked.revoked_by, revoked.token, kept.revoked_by, await api.authenticate(token)];
    },
    both: [true, 'usr_2', '', 'usr_2', false],
  },
  'a revocation in an hour leaves the key counting until then': {
    run: async ({ api, make }) => {
      const { id, token } = await make('a');
      const { revoked_at, revoked_by } = await api.revoke(id, { ...by, revoke_in: HOUR });
      return [near(revoked_at, Date.now() + HOUR * 1000), revoked_by, (await api.authenticate(token)).id === id];
    },
    both: [true, 'usr_2', true],
  },
  'a revocation in two seconds comes true by itself': {
    run: async ({ api, make, soon }) => {
      const { id, token } = await make('a');
      await api.revoke(id, { ...by, revoke_in: 2 });
      const before = await api.authenticate(token);
      return [before.id === id, await soon(async () => (await api.authenticate(token)) === false)];
    },
    both: [true, true],
  },
  'revocations by ids': {
    run: async ({ api, make }) => {
      const [a, b] = [await make('a'), await make('b', 'publishable')];
      await make('c');
      const revoked = await api.revoke({ id: [a.id, b.id] }, by);
      return [titles(revoked), titles(await api.listApiKeys({ revoked_at: null }))];
    },
    both: [['a', 'b'], ['c']],
  },
  'revocations by a selector that nothing meets': {
    run: async ({ api, make }) => {
      await make('a');
      return [await api.revoke({ title: 'b' }, by), titles(await api.listApiKeys({ revoked_at: null }))];
    },
    both: [[], ['a']],
  },
  'a revocation of one that is not known among some': {
    run: async ({ api, make }) => {
      const { id } = await make('a');
      return titles(await api.revoke({ id: [id, 'apk_none'] }, by));
    },
    both: ['a'],
  },
  'a revocation of no key at all': {
    run: async ({ api, make }) => {
      await make('a');
      return [await api.revoke([], by), await api.revoke(null, by), (await api.listApiKeys({ revoked_at: null })).length];
    },
    both: [[], [], 1],
  },
  'a secret key that is revoked already': {
    run: async ({ api, make, refused }) => {
      const { id } = await make('a');
      await api.revoke(id, by);
      const again = await refused(api.revoke(id, { revoked_by: 'usr_3' }));
      return [again, (await api.retrieveApiKey(id)).revoked_by];
    },
    both: ['invalid_data: There are 1 secret keys that are already revoked.', 'usr_2'],
  },
  'two of three keys that are revoked already': {
    run: async ({ api, make, refused }) => {
      const made = [await make('a'), await make('b'), await make('c')];
      await api.revoke({ title: ['a', 'b'] }, by);
      return [await refused(api.revoke({ id: made.map(({ id }) => id) }, by)), titles(await api.listApiKeys({ revoked_at: null }))];
    },
    both: ['invalid_data: There are 2 secret keys that are already revoked.', ['c']],
  },
  'a publishable key that is revoked already': {
    run: async ({ api, make }) => {
      const { id } = await make('a', 'publishable');
      await api.revoke(id, by);
      await api.revoke(id, { revoked_by: 'usr_3', revoke_in: HOUR }).catch(() => {});
      const { revoked_by, revoked_at } = await api.retrieveApiKey(id);
      return [revoked_by, revoked_at <= new Date() ? 'does not count' : 'counts again'];
    },
    medusa: ['usr_3', 'counts again'],
    portcullis: ['usr_2', 'does not count'],
    row: 'a revoked publishable key, to be revoked in an hour',
  },
  'a revocation in nobody\'s name leaves the key as it is': {
    run: async ({ api, make, refused }) => {
      const { id, token } = await make('a');
      return [await refused(api.revoke(id, { revoke_in: 5 })), (await api.authenticate(token)).id === id];
    },
    both: ['invalid_data: You must provide a revoked_by field when revoking a key.', true],
  },
  'a revoked key has a new title, and stays revoked': {
    run: async ({ api, make }) => {
      const { id, token } = await make('a');
      await api.revoke(id, by);
      const { title, revoked_by } = await api.updateApiKeys(id, { title: 'b' });
      return [title, revoked_by, await api.authenticate(token)];
    },
    both: ['b', 'usr_2', false],
  },

  // Deleted.
  'revoked keys of both types deleted': {
    run: async ({ api, make }) => {
      const ids = [(await make('a')).id, (await make('b', 'publishable')).id];
      await make('c');
      await api.revoke({ id: ids }, by);
      await api.deleteApiKeys(ids);
      return [titles(await api.listApiKeys()), titles(await api.listApiKeys({}, { withDeleted: true }))];
    },
    both: [['c'], ['c']],
  },
  'a deleted key is not found': {
    run: async ({ api, make, refused }) => {
      const { id } = await make('a');
      await api.revoke(id, by);
      await api.deleteApiKeys(id);
      return [await refused(api.retrieveApiKey(id)), await refused(api.updateApiKeys(id, { title: 'b' }))];
    },
    both: ['not_found: ApiKey with id: (id) was not found', 'not_found: ApiKey with id "(id)" not found'],
  },
  'a key that counts, and was just made, deleted': {
    run: async ({ api, make }) => {
      const { id, token } = await make('a');
      await api.deleteApiKeys(id).catch(() => {});
      return (await api.authenticate(token)) === false ? 'is gone' : 'counts';
    },
    medusa: 'counts',
    portcullis: 'is gone',
    row: 'a key that was just made deleted',
  },
  'nothing deleted, and what is not known': {
    run: async ({ api, make }) => {
      await make('a');
      return [(await api.deleteApiKeys([])) ?? null, (await api.deleteApiKeys(['apk_none', 'apk_nobody'])) ?? null, titles(await api.listApiKeys())];
    },
    both: [null, null, ['a']],
  },

  // Softly deleted and restored.
  'a key softly deleted is hidden, does not count, and is there for who asks': {
    run: async ({ api, make, refused }) => {
      const { id, token } = await make('a');
      await api.softDeleteApiKeys([id]);
      const hidden = await api.retrieveApiKey(id, { withDeleted: true });
      return [await refused(api.retrieveApiKey(id)), await api.authenticate(token), near(hidden.deleted_at), hidden.revoked_at];
    },
    both: ['not_found: ApiKey with id: (id) was not found', false, true, null],
  },
  'a key restored counts as before': {
    run: async ({ api, make }) => {
      const { id, token } = await make('a');
      await api.softDeleteApiKeys(id);
      await api.restoreApiKeys(id);
      const { deleted_at, title } = await api.retrieveApiKey(id);
      // A list that has the suspension is in force until the next one is there.
      const counts = await until('it counts', () => api.authenticate(token));
      return [deleted_at, title, counts.id === id];
    },
    both: [null, 'a', true],
  },
  'what a soft deletion and a restoration say of links': {
    run: async ({ api, make }) => {
      const { id } = await make('a', 'publishable');
      const gone = await api.softDeleteApiKeys([id], { returnLinkableKeys: ['publishable_key_id'] });
      const back = await api.restoreApiKeys([id], { returnLinkableKeys: ['publishable_key_id'] });
      return [gone, back];
    },
    both: [{ publishable_key_id: ['(id)'] }, { publishable_key_id: ['(id)'] }],
  },
  'a soft deletion twice, and of what is not known': {
    run: async ({ api, make }) => {
      const { id } = await make('a');
      await api.softDeleteApiKeys([id]);
      await api.softDeleteApiKeys([id, 'apk_none']);
      await api.restoreApiKeys([id, 'apk_none']);
      return titles(await api.listApiKeys());
    },
    both: ['a'],
  },
  'a key that is not deleted restored': {
    run: async ({ api, make }) => {
      const { id, token } = await make('a');
      await api.restoreApiKeys([id]);
      return (await api.authenticate(token)).id === id;
    },
    both: true,
  },
  'keys softly deleted by what they are like': {
    run: async ({ api, make }) => {
      for (const title of ['a', 'b', 'c']) await make(title);
      await api.softDeleteApiKeys({ title: ['a', 'b'] });
      const left = titles(await api.listApiKeys());
      await api.restoreApiKeys({ title: 'b' });
      return [left, titles(await api.listApiKeys())];
    },
    both: [['c'], ['b', 'c']],
  },
  'a softly deleted key is no longer changed or revoked, and can be deleted': {
    run: async ({ api, make, refused }) => {
      const { id } = await make('a');
      await api.softDeleteApiKeys([id]);
      const refusals = [await refused(api.updateApiKeys(id, { title: 'b' })), await refused(api.revoke(id, by))];
      await api.deleteApiKeys([id]);
      return [...refusals, (await api.listApiKeys({}, { withDeleted: true })).length];
    },
    both: ['not_found: ApiKey with id "(id)" not found', 'not_found: ApiKey with id "(id)" not found', 0],
  },
  'a revoked key softly deleted and restored': {
    run: async ({ api, make }) => {
      const { id, token } = await make('a');
      await api.revoke(id, by);
      await api.softDeleteApiKeys([id]);
      await api.restoreApiKeys([id]);
      return [await api.authenticate(token), titles(await api.listApiKeys())];
    },
    medusa: [false, ['a']],
    portcullis: [false, []],
    row: 'a revoked key softly deleted and restored',
  },
};
