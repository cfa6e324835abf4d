// Calls with excessive, meaningless or SQL-specific arguments.

const DAY_MS = 86_400_000;
const by = { revoked_by: 'usr_1' };
const secret = (title, more = {}) => ({ title, type: 'secret', created_by: 'usr_1', ...more });
const names = (rows) => rows.map(({ title }) => title).sort();

/** `act` by a clock that is a day late. */
async function aDayLate(act) {
  const Now = Date;
  globalThis.Date = class extends Now {
    constructor(...given) {
      super(...(given.length > 0 ? given : [Now.now() - DAY_MS]));
    }

    static now() {
      return Now.now() - DAY_MS;
    }
  };
  try {
    return await act();
  } finally {
    globalThis.Date = Now;
  }
}

export const more = {
  // Made.
  'a key of an id of its own': async ({ api }) => (await api.createApiKeys(secret('a', { id: 'apk_mine' }))).id,
  'a key that is made revoked': async ({ api }) => (await api.createApiKeys(secret('a', { revoked_at: new Date(0), ...by }))).revoked_by,
  'a key without a title': ({ api }) => api.createApiKeys(secret(undefined)),
  'a key of a title that is a number': async ({ api }) => (await api.createApiKeys(secret(7))).title,
  'a key of a creator of 300 characters': async ({ api }) => (await api.createApiKeys(secret('a', { created_by: 'x'.repeat(300) }))).created_by.length,
  'when keys are made': async ({ make }) => {
    const made = [await make('a'), await make('b'), await make('c'), await make('d')];
    return made.every(({ created_at }) => created_at.getMilliseconds() === 0) ? 'to the second' : 'to the millisecond';
  },

  // Looked up.
  'two fields of a secret key, its type among them': async ({ make, api }) => {
    await make('a');
    return Object.keys((await api.listApiKeys({}, { select: ['title', 'type'] }))[0]).sort().join(' ');
  },
  'keys by a % among words': async ({ make, api }) => {
    for (const title of ['all', 'half, 50%']) await make(title);
    return names(await api.listApiKeys({ q: '%' }));
  },
  'words among alternatives': async ({ make, api }) => {
    for (const title of ['front', 'back', 'side']) await make(title);
    return names(await api.listApiKeys({ $or: [{ q: 'front' }, { title: 'side' }] }));
  },
  'one filter by words, used twice': async ({ make, api }) => {
    for (const title of ['front', 'back']) await make(title);
    const filters = { q: 'front' };
    return [names(await api.listApiKeys(filters)), names(await api.listApiKeys(filters))];
  },
  'words that are no text': ({ api }) => api.listApiKeys({ q: 7 }),
  'no alternatives at all': async ({ make, api }) => {
    await make('a');
    return [names(await api.listApiKeys({ $or: [] })), names(await api.listApiKeys({ $and: [] }))];
  },
  'keys by a regular expression': async ({ make, api }) => {
    await make('abc');
    return names(await api.listApiKeys({ title: { $re: '^a' } }));
  },
  'keys made after a day in words': async ({ make, api }) => {
    await make('a');
    return names(await api.listApiKeys({ created_at: { $gt: 'yesterday' } }));
  },
  'keys in the order of a field that there is not': async ({ api }) => names(await api.listApiKeys({}, { order: { colour: 'ASC' } })),
  'keys after fewer than none': async ({ api }) => names(await api.listApiKeys({}, { skip: -1 })),

  // Changed, revoked, deleted.
  'new titles of {}': async ({ make, api }) => {
    await make('a');
    return names(await api.updateApiKeys({}, { title: 'b' }));
  },
  'a revocation in an hour, by a clock that is a day late': async ({ make, api }) => {
    const { id, token } = await make('a');
    const { revoked_at } = await aDayLate(() => api.revoke(id, { ...by, revoke_in: 3600 }));
    return [revoked_at > new Date() ? 'in an hour' : 'yesterday', (await api.authenticate(token)) !== false];
  },
  'a softly deleted key deleted': async ({ make, api }) => {
    const { id } = await make('a');
    await api.softDeleteApiKeys([id]);
    await api.deleteApiKeys([id]);
    return names(await api.listApiKeys({}, { withDeleted: true }));
  },
  'keys softly deleted and restored by what they are like': async ({ make, api }) => {
    for (const title of ['a', 'b']) await make(title);
    await api.softDeleteApiKeys({ title: 'a' });
    const left = names(await api.listApiKeys());
    await api.restoreApiKeys({ title: 'a' });
    return [left, names(await api.listApiKeys())];
  },
  'links that keys have none of': async ({ make, api }) => {
    const gone = await api.softDeleteApiKeys([(await make('a')).id], { returnLinkableKeys: ['api_key_id', 'product_id'] });
    return Object.keys(gone);
  },
  'a revoked key softly deleted and restored': async ({ make, api }) => {
    const { id } = await make('a');
    await api.revoke(id, by);
    await api.softDeleteApiKeys([id]);
    await api.restoreApiKeys([id]);
    return names(await api.listApiKeys());
  },
};
