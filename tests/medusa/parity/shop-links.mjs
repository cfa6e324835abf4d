// Links between sales channels and publishable keys, read from both sides.

const sorted = (rows) => rows.map(({ name, title }) => name ?? title).sort();
const refusal = ({ status, body }) => [status, body.type, body.message];
const links = async ({ query }, key) =>
  (await query.graph({ entity: 'publishable_api_key_sales_channel', fields: ['sales_channel_id'], filters: { publishable_key_id: key.id } })).data.length;
const ofKey = async ({ admin }, { id }) => sorted((await admin('GET', `/api-keys/${id}`)).body.api_key.sales_channels);
const change = ({ admin }, { id }, body) => admin('POST', `/api-keys/${id}/sales-channels`, body);
const pair = (key, channel) => ({ api_key: { publishable_key_id: key.id }, sales_channel: { sales_channel_id: channel.id } });

/** A publishable key, and channels of the names. */
async function apart({ make, channel }, title, names) {
  return [await make(title, 'publishable'), ...(await Promise.all(names.map(channel)))];
}

export const cases = {
  'channels added to a key, seen from the key': {
    run: async (context) => {
      const [key, one, two] = await apart(context, 'adds', ['adds 1', 'adds 2']);
      const { status, body } = await change(context, key, { add: [one.id, two.id] });
      return [status, sorted(body.api_key.sales_channels), await ofKey(context, key)];
    },
    both: [200, ['adds 1', 'adds 2'], ['adds 1', 'adds 2']],
  },
  'channels added to a key, seen from the channels': {
    run: async (context) => {
      const [key, one, two] = await apart(context, 'seen', ['seen 1', 'seen 2']);
      const [other] = await apart(context, 'seen too', []);
      await change(context, key, { add: [one.id, two.id] });
      await change(context, other, { add: [two.id] });
      const keysOf = async ({ id }) => sorted((await context.admin('GET', `/sales-channels/${id}?fields=*publishable_api_keys`)).body.sales_channel.publishable_api_keys);
      const channelsOf = async ({ id }) => sorted((await context.admin('GET', `/sales-channels?publishable_key_id=${id}`)).body.sales_channels);
      return [await keysOf(one), await keysOf(two), await channelsOf(key), await channelsOf(other)];
    },
    both: [['seen'], ['seen', 'seen too'], ['seen 1', 'seen 2'], ['seen 2']],
  },
  'channels listed by a key that there is not': {
    run: async ({ admin }) => (await admin('GET', '/sales-channels?publishable_key_id=apk_none')).body.sales_channels,
    both: [],
  },
  'a channel added twice is there once': {
    run: async (context) => {
      const [key, one] = await apart(context, 'again', ['again 1']);
      await change(context, key, { add: [one.id] });
      await change(context, key, { add: [one.id] });
      return [await ofKey(context, key), await links(context, key)];
    },
    both: [['again 1'], 1],
  },
  'channels removed from a key': {
    run: async (context) => {
      const [key, one, two] = await apart(context, 'removes', ['removes 1', 'removes 2']);
      await change(context, key, { add: [one.id, two.id] });
      const { body } = await change(context, key, { remove: [one.id] });
      return [sorted(body.api_key.sales_channels), await links(context, key)];
    },
    both: [['removes 2'], 1],
  },
  'a channel added and another removed at once': {
    run: async (context) => {
      const [key, one, two] = await apart(context, 'swaps', ['swaps 1', 'swaps 2']);
      await change(context, key, { add: [one.id] });
      await change(context, key, { add: [two.id], remove: [one.id] });
      return ofKey(context, key);
    },
    both: ['swaps 2'],
  },
  'a channel removed that was never there': {
    run: async (context) => {
      const [key, one, two] = await apart(context, 'misses', ['misses 1', 'misses 2']);
      await change(context, key, { add: [one.id] });
      const { status } = await change(context, key, { remove: [two.id] });
      return [status, await ofKey(context, key)];
    },
    both: [200, ['misses 1']],
  },
  'a channel that there is not': {
    run: async (context) => {
      const [key, one] = await apart(context, 'phantom', ['phantom 1']);
      return [refusal(await change(context, key, { add: [one.id, 'sc_none'] })), await ofKey(context, key)];
    },
    both: [[400, 'invalid_data', 'Sales channels with IDs sc_none do not exist'], []],
  },
  'a channel for a secret key': {
    run: async (context) => {
      const [key, channel] = [await context.make('secret'), await context.channel('for a secret')];
      return [refusal(await change(context, key, { add: [channel.id] })), await links(context, key)];
    },
    both: [[400, 'invalid_data', 'Sales channels can only be associated with publishable API keys'], 0],
  },
  'a channel for a key that there is not': {
    run: async (context) => (await change(context, { id: 'apk_none' }, { add: [(await context.channel('for nobody')).id] })).status,
    both: 500,
  },
  'channels of a body that is none': {
    run: async (context) => {
      const [key] = await apart(context, 'bodies', []);
      const bodies = [{ add: 'sc_1' }, { add: [7] }, { channels: [] }];
      return Promise.all(bodies.map(async (body) => refusal(await change(context, key, body)).slice(0, 2)));
    },
    both: [[400, 'invalid_data'], [400, 'invalid_data'], [400, 'invalid_data']],
  },
  'a revoked key keeps its channels until it is deleted': {
    run: async (context) => {
      const [key, one] = await apart(context, 'dying', ['dying 1']);
      await change(context, key, { add: [one.id] });
      await context.admin('POST', `/api-keys/${key.id}/revoke`, {});
      const kept = await ofKey(context, key);
      await context.admin('DELETE', `/api-keys/${key.id}`);
      const { body } = await context.admin('GET', `/sales-channels/${one.id}?fields=*publishable_api_keys`);
      return [kept, await links(context, key), body.sales_channel.publishable_api_keys];
    },
    both: [['dying 1'], 0, []],
  },
  'a deleted channel leaves its keys': {
    run: async (context) => {
      const [key, one, two] = await apart(context, 'left', ['left 1', 'left 2']);
      await change(context, key, { add: [one.id, two.id] });
      const { status } = await context.admin('DELETE', `/sales-channels/${one.id}`);
      return [status, await ofKey(context, key), await links(context, key)];
    },
    both: [200, ['left 2'], 1],
  },

  'a channel that the module deletes, past its workflow': {
    run: async (context) => {
      const [key, one] = await apart(context, 'torn', ['torn 1']);
      await change(context, key, { add: [one.id] });
      await context.container.resolve('sales_channel').deleteSalesChannels([one.id]);
      const { status, body } = await context.admin('GET', `/api-keys/${key.id}`);
      return [status, body.api_key.sales_channels];
    },
    both: [200, [null]],
  },

  // By the link and the graph.
  'linked and unlinked by Link': {
    run: async (context) => {
      const { link } = context;
      const [key, one, two] = await apart(context, 'by link', ['by link 1', 'by link 2']);
      await link.create([pair(key, one), pair(key, two)]);
      const linked = await ofKey(context, key);
      await link.dismiss(pair(key, one));
      return [linked, await ofKey(context, key)];
    },
    both: [['by link 1', 'by link 2'], ['by link 2']],
  },
  'links of a key deleted in a cascade, and restored': {
    run: async (context) => {
      const { link } = context;
      const [key, one] = await apart(context, 'cascade', ['cascade 1']);
      await link.create(pair(key, one));
      await link.delete({ api_key: { publishable_key_id: [key.id] } });
      const gone = await links(context, key);
      await link.restore({ api_key: { publishable_key_id: [key.id] } });
      return [gone, await links(context, key)];
    },
    both: [0, 1],
  },
  'links of a channel listed with their keys': {
    run: async (context) => {
      const [key, one] = await apart(context, 'joined', ['joined 1']);
      await context.link.create(pair(key, one));
      const { data } = await context.query.graph({
        entity: 'publishable_api_key_sales_channel',
        fields: ['api_key.title', 'sales_channel.name'],
        filters: { publishable_key_id: key.id },
      });
      return data.map(({ api_key, sales_channel }) => [api_key?.title, sales_channel?.name]);
    },
    both: [['joined', 'joined 1']],
  },
  'keys by the graph, with their channels, counted': {
    run: async (context) => {
      const [key, one] = await apart(context, 'graphed a', ['graphed 1']);
      await apart(context, 'graphed b', []);
      await context.link.create(pair(key, one));
      const { data, metadata } = await context.query.graph({
        entity: 'api_key',
        fields: ['title', 'sales_channels.name'],
        filters: { q: 'graphed' },
        pagination: { skip: 0, take: 5, order: { title: 'ASC' } },
      });
      return [data.map(({ title, sales_channels }) => [title, sorted(sales_channels)]), metadata];
    },
    both: [[['graphed a', ['graphed 1']], ['graphed b', []]], { count: 2, skip: 0, take: 5 }],
  },
  'channels by the graph, by what their keys are called': {
    run: async (context) => {
      const [key, one] = await apart(context, 'reverse', ['reverse 1', 'reverse 2']);
      await context.link.create(pair(key, one));
      const { data } = await context.query.graph({ entity: 'sales_channel', fields: ['name', 'publishable_api_keys.type'], filters: { publishable_api_keys: { title: 'reverse' } } });
      return data.map(({ name, publishable_api_keys }) => [name, publishable_api_keys.map(({ type }) => type)]);
    },
    both: [['reverse 1', ['publishable']]],
  },
  'a key by its text, with its channels, as the store asks': {
    run: async (context) => {
      const [key, one] = await apart(context, 'by text', ['by text 1']);
      await context.link.create(pair(key, one));
      const { data } = await context.query.graph({
        entity: 'api_key',
        fields: ['id', 'token', 'revoked_at', 'sales_channels_link.sales_channel_id'],
        filters: { token: key.token, type: 'publishable' },
      });
      return data.map((row) => [row.id === key.id, row.revoked_at, row.sales_channels_link.map(({ sales_channel_id }) => sales_channel_id === one.id)]);
    },
    both: [[true, null, [true]]],
  },
  'secret keys by the graph show no text': {
    run: async (context) => {
      await context.make('graph secret');
      const { data } = await context.query.graph({ entity: 'api_key', fields: ['*'], filters: { title: 'graph secret' } });
      return data.map(({ token, salt, type }) => [token, salt ?? 'no salt', type]);
    },
    both: [['', 'no salt', 'secret']],
  },
};
