// Publishable keys of storefronts: which requests are accepted, and what they can read.

const by = { revoked_by: 'usr_2' };
const refusal = ({ status, body }) => [status, body.type, body.message];
const NEEDED = [400, 'not_allowed', 'Publishable API key required in the request header: x-publishable-api-key. You can manage your keys in settings in the dashboard.'];
const INVALID = [400, 'not_allowed', 'A valid publishable key is required to proceed with the request'];
const NO_CHANNEL = [400, 'invalid_data', 'Publishable key needs to have a sales channel configured'];

/** A publishable key that opens the channels. */
async function window_({ make, flows, container }, title, channels) {
  const key = await make(title, 'publishable');
  if (channels.length > 0) {
    await flows.linkSalesChannelsToApiKeyWorkflow(container).run({ input: { id: key.id, add: channels.map(({ id }) => id) } });
  }
  return key;
}

/** A product that is sold in the channels. */
async function product({ admin }, title, channels) {
  const options = [{ title: 'Size', values: ['one'] }];
  const body = { title, status: 'published', options, sales_channels: channels.map(({ id }) => ({ id })) };
  const made = await admin('POST', '/products', body);
  if (made.status !== 200) throw new Error(JSON.stringify(made.body));
  return made.body.product;
}

const products = async ({ store }, key, query = '') => {
  const { status, body } = await store(key.token, 'GET', `/products?fields=title&order=title${query}`);
  return status === 200 ? body.products.map(({ title }) => title) : refusal({ status, body });
};

async function region({ flows, container, query }) {
  const { data } = await query.graph({ entity: 'region', fields: ['id'], filters: { name: 'South' } });
  if (data.length > 0) return data[0];
  const regions = [{ name: 'South', currency_code: 'eur', countries: ['it'] }];
  return (await flows.createRegionsWorkflow(container).run({ input: { regions } })).result[0];
}

export const cases = {
  // Let in.
  'a store request without a key': {
    run: async ({ store }) => [refusal(await store(undefined, 'GET', '/products')), refusal(await store('', 'GET', '/regions')), refusal(await store(undefined, 'POST', '/carts', {}))],
    both: [NEEDED, NEEDED, NEEDED],
  },
  'a store request with what is no key': {
    run: async ({ store }) => {
      const texts = ['pk_none', 'nonsense', `pk_${'0'.repeat(64)}`, 'undefined', 'x'.repeat(4000)];
      return Promise.all(texts.map(async (text) => refusal(await store(text, 'GET', '/products'))));
    },
    both: [INVALID, INVALID, INVALID, INVALID, INVALID],
  },
  'a store request with a key that almost has the right text': {
    run: async (context) => {
      const { token } = await window_(context, 'almost', []);
      const texts = [token.slice(0, -1), `${token}0`, `${token.slice(0, -1)}${token.endsWith('0') ? '1' : '0'}`, token.toUpperCase()];
      return Promise.all(texts.map(async (text) => refusal(await context.store(text, 'GET', '/whoami'))));
    },
    both: [INVALID, INVALID, INVALID, INVALID],
  },
  'a store request with a secret key': {
    run: async ({ make, store }) => refusal(await store((await make('no window')).token, 'GET', '/products')),
    both: INVALID,
  },
  'what Medusa knows of a key that came in': {
    run: async (context) => {
      const [north, south] = [await context.channel('north of who'), await context.channel('south of who')];
      const [none, two] = [await window_(context, 'of none', []), await window_(context, 'of two', [north, south])];
      const known = async ({ token }) => (await context.store(token, 'GET', '/whoami')).body;
      const ofTwo = await known(two);
      return [(await known(none)).sales_channel_ids, ofTwo.key === two.token, ofTwo.sales_channel_ids.sort().join() === [north.id, south.id].sort().join()];
    },
    both: [[], true, true],
  },
  'a key with blanks around it': {
    run: async (context) => {
      const { token } = await window_(context, 'blanks', []);
      return (await context.store(` ${token} `, 'GET', '/whoami')).status;
    },
    both: 200,
  },
  'a key opens every route of the store': {
    run: async (context) => {
      const { token } = await window_(context, 'routes', [await context.channel('routes')]);
      const paths = ['/regions', '/collections', '/product-categories', '/currencies', '/products', '/whoami'];
      return Promise.all(paths.map(async (path) => (await context.store(token, 'GET', path)).status));
    },
    both: [200, 200, 200, 200, 200, 200],
  },
  'a key that is revoked closes the store': {
    run: async (context) => {
      const { id, token } = await window_(context, 'closing', []);
      const before = (await context.store(token, 'GET', '/whoami')).status;
      await context.api.revoke(id, by);
      return [before, refusal(await context.store(token, 'GET', '/whoami'))];
    },
    both: [200, INVALID],
  },
  'a key that is to be revoked in an hour leaves it open': {
    run: async (context) => {
      const { id, token } = await window_(context, 'closing later', []);
      await context.api.revoke(id, { ...by, revoke_in: 3600 });
      return (await context.store(token, 'GET', '/whoami')).status;
    },
    both: 200,
  },
  'a key that is revoked in two seconds closes it by itself': {
    run: async (context) => {
      const { id, token } = await window_(context, 'closing soon', []);
      await context.api.revoke(id, { ...by, revoke_in: 2 });
      const status = async () => (await context.store(token, 'GET', '/whoami')).status;
      return [await status(), await context.soon(async () => (await status()) === 400)];
    },
    both: [200, true],
  },
  'a key that is deleted, and one that is softly deleted': {
    run: async (context) => {
      const [gone, hidden] = [await window_(context, 'gone', []), await window_(context, 'hidden', [])];
      await context.api.revoke(gone.id, by);
      await context.api.deleteApiKeys(gone.id);
      await context.api.softDeleteApiKeys([hidden.id]);
      const status = async ({ token }) => (await context.store(token, 'GET', '/whoami')).status;
      const closed = [await status(gone), await status(hidden)];
      await context.api.restoreApiKeys([hidden.id]);
      return [...closed, await status(hidden)];
    },
    both: [400, 400, 200],
  },
  'a new title keeps the store open': {
    run: async (context) => {
      const { id, token } = await window_(context, 'before', []);
      await context.api.updateApiKeys(id, { title: 'after' });
      return (await context.store(token, 'GET', '/whoami')).status;
    },
    both: 200,
  },

  // Products.
  'the products of a key without a sales channel': {
    run: async (context) => products(context, await window_(context, 'no channel', [])),
    both: NO_CHANNEL,
  },
  'the products of a key\'s sales channels, and no others': {
    run: async (context) => {
      const [north, south] = [await context.channel('north'), await context.channel('south')];
      await product(context, 'Scarf', [north]);
      await product(context, 'Hat', [south]);
      await product(context, 'Coat', [north, south]);
      const keys = [await window_(context, 'n', [north]), await window_(context, 's', [south]), await window_(context, 'ns', [north, south])];
      return Promise.all(keys.map((key) => products(context, key)));
    },
    both: [['Coat', 'Scarf'], ['Coat', 'Hat'], ['Coat', 'Hat', 'Scarf']],
  },
  'products asked for by sales channel': {
    run: async (context) => {
      const [mine, other, foreign] = [await context.channel('mine'), await context.channel('other'), await context.channel('foreign')];
      await product(context, 'Cup', [mine]);
      await product(context, 'Pot', [other]);
      const key = await window_(context, 'by channel', [mine, other]);
      return [
        await products(context, key, `&sales_channel_id=${mine.id}`),
        await products(context, key, `&sales_channel_id[]=${mine.id}&sales_channel_id[]=${other.id}`),
        await products(context, key, `&sales_channel_id=${foreign.id}`),
      ];
    },
    both: [['Cup'], ['Cup', 'Pot'], [400, 'invalid_data', 'Requested sales channel is not part of the publishable key']],
  },
  'one product, in the key\'s sales channels and out of them': {
    run: async (context) => {
      const [mine, foreign] = [await context.channel('one'), await context.channel('not one')];
      const [lamp, bulb] = [await product(context, 'Lamp', [mine]), await product(context, 'Bulb', [foreign])];
      const key = await window_(context, 'one product', [mine]);
      return Promise.all([lamp, bulb].map(async ({ id }) => (await context.store(key.token, 'GET', `/products/${id}`)).status));
    },
    both: [200, 404],
  },
  'a channel that is taken away takes its products along, and brings them back': {
    run: async (context) => {
      const [north, south] = [await context.channel('kept'), await context.channel('taken')];
      await product(context, 'Ski', [north]);
      await product(context, 'Sail', [south]);
      const key = await window_(context, 'moving', [north, south]);
      const change = (body) => context.admin('POST', `/api-keys/${key.id}/sales-channels`, body);
      const all = [await products(context, key)];
      await change({ remove: [south.id] });
      all.push(await products(context, key));
      await change({ remove: [north.id], add: [south.id] });
      all.push(await products(context, key));
      return all;
    },
    both: [['Sail', 'Ski'], ['Ski'], ['Sail']],
  },

  // Carts.
  'a cart is of the key\'s only sales channel': {
    run: async (context) => {
      const channel = await context.channel('cart');
      const key = await window_(context, 'cart', [channel]);
      const { id } = await region(context);
      const { status, body } = await context.store(key.token, 'POST', '/carts?fields=sales_channel_id', { region_id: id });
      return [status, body.cart?.sales_channel_id === channel.id];
    },
    both: [200, true],
  },
  'a cart of a key of two sales channels': {
    run: async (context) => {
      const [one, other] = [await context.channel('cart one'), await context.channel('cart other')];
      const key = await window_(context, 'two carts', [one, other]);
      const { id } = await region(context);
      const cart = (body) => context.store(key.token, 'POST', '/carts?fields=sales_channel_id', { region_id: id, ...body });
      const chosen = await cart({ sales_channel_id: other.id });
      const open = await cart({});
      return [chosen.status, chosen.body.cart?.sales_channel_id === other.id, open.status, open.body.errors];
    },
    both: [
      200,
      true,
      400,
      ['Cannot assign sales channel to cart. The Publishable API Key in the header has multiple associated sales channels. Please provide a sales channel ID in the request body.'],
    ],
  },
  'a cart of a sales channel that is none of the key\'s': {
    run: async (context) => {
      const [mine, foreign] = [await context.channel('cart mine'), await context.channel('cart foreign')];
      const key = await window_(context, 'foreign cart', [mine]);
      const { id } = await region(context);
      const { status, body } = await context.store(key.token, 'POST', '/carts', { region_id: id, sales_channel_id: foreign.id });
      return [status, body.errors];
    },
    both: [400, ['Sales channel ID in payload (channel) is not associated with the Publishable API Key in the header.']],
  },
  'a cart of a key that is revoked': {
    run: async (context) => {
      const key = await window_(context, 'late cart', [await context.channel('cart late')]);
      const { id } = await region(context);
      await context.api.revoke(key.id, by);
      return refusal(await context.store(key.token, 'POST', '/carts', { region_id: id }));
    },
    both: INVALID,
  },
};
