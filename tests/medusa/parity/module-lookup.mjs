// Looking keys up with the module's own calls, and verifying the key of a request.

const by = { revoked_by: 'usr_2' };
const titles = (rows) => rows.map(({ title }) => title);
const sorted = (rows) => titles(rows).sort();

/** Two secret keys and a publishable one. */
async function three({ make }) {
  return [await make('Back office'), await make('Till 50%', 'secret', { created_by: 'usr_7' }), await make('Web_shop', 'publishable')];
}

export const cases = {
  'a key without its text, and with it': {
    run: async (context) => {
      const { api } = context;
      const [office, , shop] = await three(context);
      const lists = [await api.listApiKeys({}, { order: { title: 'ASC' } }), (await api.listAndCountApiKeys({}, { order: { title: 'ASC' } }))[0]];
      const shown = ({ type, token }) => [type, token === '' ? 'no text' : token === shop.token];
      return [...lists.map((rows) => rows.map(shown)), shown(await api.retrieveApiKey(office.id)), shown(await api.retrieveApiKey(shop.id))];
    },
    both: [
      [['secret', 'no text'], ['secret', 'no text'], ['publishable', true]],
      [['secret', 'no text'], ['secret', 'no text'], ['publishable', true]],
      ['secret', 'no text'],
      ['publishable', true],
    ],
  },
  'no list, and no key, has a salt': {
    run: async (context) => {
      const { api } = context;
      const [{ id }] = await three(context);
      const rows = [...(await api.listApiKeys()), ...(await api.listAndCountApiKeys())[0], await api.retrieveApiKey(id)];
      return rows.filter((row) => row.salt !== undefined).length;
    },
    both: 0,
  },
  'the fields of a list that were asked for': {
    run: async (context) => {
      await three(context);
      const rows = await context.api.listApiKeys({}, { select: ['type', 'created_by'], order: { title: 'ASC' } });
      return rows.map(({ id, ...row }) => [typeof id, row]);
    },
    medusa: [
      ['string', { type: 'secret', created_by: 'usr_1', token: '' }],
      ['string', { type: 'secret', created_by: 'usr_7', token: '' }],
      ['string', { type: 'publishable', created_by: 'usr_1' }],
    ],
    portcullis: [
      ['string', { type: 'secret', created_by: 'usr_1' }],
      ['string', { type: 'secret', created_by: 'usr_7' }],
      ['string', { type: 'publishable', created_by: 'usr_1' }],
    ],
    row: 'two fields of a secret key, its type among them',
  },
  'a key by whether it is revoked, by whom, and by creator': {
    run: async (context) => {
      const { api } = context;
      const [office] = await three(context);
      await api.revoke(office.id, by);
      const filters = [{ revoked_at: null }, { revoked_by: 'usr_2' }, { revoked_by: { $ne: null } }, { created_by: 'usr_7' }, { created_by: ['usr_1', 'usr_7'] }, { last_used_at: null }];
      return Promise.all(filters.map(async (filter) => sorted(await api.listApiKeys(filter))));
    },
    both: [
      ['Till 50%', 'Web_shop'],
      ['Back office'],
      ['Back office'],
      ['Till 50%'],
      ['Back office', 'Till 50%', 'Web_shop'],
      ['Back office', 'Till 50%', 'Web_shop'],
    ],
  },
  'keys by operators': {
    run: async (context) => {
      const { api } = context;
      const [office, till] = await three(context);
      const filters = [
        { id: { $in: [office.id, till.id] } },
        { id: { $nin: [office.id, till.id] } },
        { id: { $ne: office.id } },
        { type: { $ne: 'secret' } },
        { type: { $in: ['secret', 'publishable'] } },
        { title: { $like: 'Back%' } },
        { title: { $ilike: 'back%' } },
        { title: { $gt: 'C' } },
        { $not: { type: 'secret' } },
        { $or: [{ $and: [{ type: 'secret' }, { created_by: 'usr_7' }] }, { title: 'Web_shop' }] },
      ];
      return Promise.all(filters.map(async (filter) => sorted(await api.listApiKeys(filter))));
    },
    both: [
      ['Back office', 'Till 50%'],
      ['Web_shop'],
      ['Till 50%', 'Web_shop'],
      ['Web_shop'],
      ['Back office', 'Till 50%', 'Web_shop'],
      ['Back office'],
      ['Back office'],
      ['Till 50%', 'Web_shop'],
      ['Web_shop'],
      ['Till 50%', 'Web_shop'],
    ],
  },
  'keys by words, and another filter beside them': {
    run: async (context) => {
      const { api } = context;
      await three(context);
      const filters = [{ q: 'OFFICE' }, { q: 'till' }, { q: 'sk_' }, { q: 'shop', type: 'publishable' }, { q: 'shop', created_by: 'usr_7' }, { q: '' }];
      return Promise.all(filters.map(async (filter) => sorted(await api.listApiKeys(filter))));
    },
    both: [['Back office'], ['Till 50%'], ['Back office', 'Till 50%'], ['Web_shop'], [], ['Back office', 'Till 50%', 'Web_shop']],
  },
  'keys by what stands for anything in SQL': {
    run: async (context) => {
      const { api } = context;
      await three(context);
      return Promise.all(['50%', 'web_', '%', '_s'].map(async (q) => sorted(await api.listApiKeys({ q }))));
    },
    medusa: [['Till 50%'], ['Web_shop'], ['Back office', 'Till 50%', 'Web_shop'], ['Web_shop']],
    portcullis: [['Till 50%'], ['Web_shop'], ['Till 50%'], ['Web_shop']],
    row: 'keys by a % among words',
  },
  'the text of a secret key finds nothing': {
    run: async (context) => {
      const { api } = context;
      const [office, till, shop] = await three(context);
      const filters = [{ token: office.token }, { token: [office.token, till.token] }, { token: [office.token, shop.token] }, { token: office.token, type: 'secret' }];
      return Promise.all(filters.map(async (filter) => sorted(await api.listApiKeys(filter))));
    },
    both: [[], [], ['Web_shop'], []],
  },
  'a publishable key by its text, counted': {
    run: async (context) => {
      const { api } = context;
      const [, , shop] = await three(context);
      const [rows, count] = await api.listAndCountApiKeys({ token: shop.token, type: 'publishable' }, { take: 1 });
      return [rows[0].id === shop.id, rows[0].token === shop.token, count];
    },
    both: [true, true, 1],
  },
  'a publishable key by its text, with what its sales channels hang on': {
    run: async (context) => {
      const { api } = context;
      const [, , shop] = await three(context);
      await api.revoke(shop.id, by);
      const [row] = await api.listApiKeys({ token: shop.token, type: 'publishable' }, { select: ['id', 'token', 'revoked_at'] });
      return [row.id === shop.id, row.revoked_at <= new Date()];
    },
    both: [true, true],
  },
  'pages, with all that there is counted': {
    run: async (context) => {
      const { api } = context;
      await three(context);
      const pages = [{ take: 2 }, { take: 2, skip: 2 }, { take: 2, skip: 4 }];
      return Promise.all(pages.map(async (page) => {
        const [rows, count] = await api.listAndCountApiKeys({}, { order: { title: 'DESC' }, ...page });
        return [titles(rows), count];
      }));
    },
    both: [[['Web_shop', 'Till 50%'], 3], [['Back office'], 3], [[], 3]],
  },
  'in the order of one field, then of another': {
    run: async (context) => {
      await three(context);
      return titles(await context.api.listApiKeys({}, { order: { created_by: 'DESC', title: 'DESC' } }));
    },
    both: ['Till 50%', 'Web_shop', 'Back office'],
  },
  'what was never revoked comes last, and first the other way round': {
    run: async (context) => {
      const { api } = context;
      const [office] = await three(context);
      await api.revoke(office.id, by);
      const list = async (way) => titles(await api.listApiKeys({}, { order: { revoked_at: way, title: 'ASC' } }));
      return [await list('ASC'), await list('DESC')];
    },
    both: [['Back office', 'Till 50%', 'Web_shop'], ['Till 50%', 'Web_shop', 'Back office']],
  },
  'an order by a field that there is not': {
    run: async (context) => {
      await three(context);
      return typeof (await context.refused(context.api.listApiKeys({}, { order: { colour: 'ASC' } })));
    },
    both: 'string',
  },
  'a key that there is not, and no id': {
    run: async ({ api, refused }) => [await refused(api.retrieveApiKey('apk_none')), await refused(api.retrieveApiKey(undefined)), await refused(api.retrieveApiKey(null))],
    both: ['not_found: ApiKey with id: apk_none was not found', 'not_found: apiKey - id must be defined', 'not_found: apiKey - id must be defined'],
  },
  'a key of the fields that were asked for': {
    run: async (context) => {
      const [, , shop] = await three(context);
      const { id, ...row } = await context.api.retrieveApiKey(shop.id, { select: ['title', 'type'] });
      return [id === shop.id, row];
    },
    both: [true, { title: 'Web_shop', type: 'publishable' }],
  },

  // Verified.
  'a secret key that counts': {
    run: async (context) => {
      const { api } = context;
      const [office] = await three(context);
      const { id, title, type, created_by, revoked_at, revoked_by } = await api.authenticate(office.token);
      return [id === office.id, title, type, created_by, revoked_at, revoked_by];
    },
    both: [true, 'Back office', 'secret', 'usr_1', null, null],
  },
  'a key that almost has the right text': {
    run: async (context) => {
      const { api } = context;
      const [{ token }] = await three(context);
      const last = token.endsWith('0') ? '1' : '0';
      const texts = [`${token.slice(0, -1)}${last}`, token.slice(0, -1), `${token}0`, ` ${token}`, `${token}\n`, token.toUpperCase(), token.replace('sk_', 'pk_')];
      return Promise.all(texts.map((text) => api.authenticate(text)));
    },
    both: [false, false, false, false, false, false, false],
  },
  'a publishable key is no secret one, revoked or not': {
    run: async (context) => {
      const { api } = context;
      const [, , shop] = await three(context);
      const before = await api.authenticate(shop.token);
      await api.revoke(shop.id, by);
      return [before, await api.authenticate(shop.token)];
    },
    both: [false, false],
  },
  'of two keys of one title the other goes on counting': {
    run: async ({ api, make }) => {
      const [one, other] = [await make('same'), await make('same')];
      await api.revoke(one.id, by);
      return [await api.authenticate(one.token), (await api.authenticate(other.token)).id === other.id];
    },
    both: [false, true],
  },
  'what its creator is looked up by, when it is deleted since': {
    run: async (context) => {
      const { api } = context;
      const [, till] = await three(context);
      await api.softDeleteApiKeys([till.id]);
      return (await api.listApiKeys({ id: [till.id] }, { select: ['created_by'], withDeleted: true })).map(({ created_by }) => created_by);
    },
    both: ['usr_7'],
  },
};
