// Medusa's own workflows on keys: their results, their compensation and their events.

const HOUR = 3600;
const by = { revoked_by: 'usr_2' };
const titles = (rows) => rows.map(({ title }) => title).sort();
const key = (title, type = 'secret') => ({ title, type, created_by: 'usr_1' });
const messages = ({ seen }, ids) =>
  seen.filter(({ name, data }) => name.startsWith('api_key.') && ids.includes(data.id)).map(({ name }) => name);

let made = 0;
/** A workflow of `build`'s steps and of one that fails; `refusal` is why it failed. */
async function failing({ sdk, container }, build, input) {
  made += 1;
  const fail = sdk.createStep(`fail-${made}`, async () => {
    throw new Error('a later step fails');
  });
  const workflow = sdk.createWorkflow(`failing-${made}`, (given) => {
    const result = build(given);
    fail();
    return new sdk.WorkflowResponse(result);
  });
  return workflow(container).run({ input }).then(() => 'nothing failed', ({ message }) => message);
}

export const cases = {
  'the workflow that makes keys': {
    run: async ({ flows, container, api }) => {
      const { result } = await flows.createApiKeysWorkflow(container).run({ input: { api_keys: [key('made'), key('made too', 'publishable')] } });
      return [titles(result), (await api.authenticate(result[0].token)).id === result[0].id, result[1].token.slice(0, 3)];
    },
    both: [['made', 'made too'], true, 'pk_'],
  },
  'the workflow that makes keys, taken back': {
    run: async (context) => {
      const { flows, api } = context;
      const failed = await failing(context, (input) => flows.createApiKeysStep(input), { api_keys: [key('undone a'), key('undone b', 'publishable')] });
      return [failed.startsWith('a later step fails'), titles(await api.listApiKeys({ q: 'undone', revoked_at: null }))];
    },
    medusa: [true, ['undone a', 'undone b']],
    portcullis: [true, []],
    row: 'a key that was just made deleted',
  },
  'the workflow that changes titles, by ids and by what keys are like': {
    run: async ({ flows, container, make }) => {
      const { id } = await make('change a');
      await make('change b', 'publishable');
      const update = async (selector, title) => titles((await flows.updateApiKeysWorkflow(container).run({ input: { selector, update: { title } } })).result);
      return [
        await update({ id: [id] }, 'change c'),
        await update({ title: ['change b', 'change c'], type: 'publishable' }, 'change d'),
        await update({ title: 'change z' }, 'none'),
      ];
    },
    both: [['change c'], ['change d'], []],
  },
  'the workflow that changes titles, taken back': {
    run: async (context) => {
      const { flows, api, make } = context;
      const ids = [(await make('back a')).id, (await make('back b')).id];
      const failed = await failing(context, (input) => flows.updateApiKeysStep(input), { selector: { id: ids }, update: { title: 'back z' } });
      return [failed, titles(await api.listApiKeys({ id: ids }))];
    },
    both: ['a later step fails', ['back a', 'back b']],
  },
  'the workflow that revokes': {
    run: async ({ flows, container, make, api }) => {
      const { id, token } = await make('flow revoked');
      const { result } = await flows.revokeApiKeysWorkflow(container).run({ input: { selector: { id }, revoke: by } });
      return [titles(result), result[0].revoked_by, await api.authenticate(token)];
    },
    both: [['flow revoked'], 'usr_2', false],
  },
  'a revocation is not taken back': {
    run: async (context) => {
      const { flows, api, make } = context;
      const { id, token } = await make('stays revoked');
      const failed = await failing(context, (input) => flows.revokeApiKeysStep(input), { selector: { id }, revoke: by });
      return [failed, await api.authenticate(token), (await api.retrieveApiKey(id)).revoked_by];
    },
    both: ['a later step fails', false, 'usr_2'],
  },
  'the workflow that revokes, of nobody\'s name': {
    run: async ({ flows, container, make, refused, api }) => {
      const { id, token } = await make('anonymous');
      const why = await refused(flows.revokeApiKeysWorkflow(container).run({ input: { selector: { id }, revoke: {} } }));
      return [why, (await api.authenticate(token)).id === id];
    },
    both: ['invalid_data: You must provide a revoked_by field when revoking a key.', true],
  },
  'the workflow that deletes, with the links of what is deleted': {
    run: async ({ flows, container, make, api, channel, query }) => {
      const [{ id }, { id: channelId }] = [await make('flow deleted', 'publishable'), await channel('flow deleted')];
      await flows.linkSalesChannelsToApiKeyWorkflow(container).run({ input: { id, add: [channelId] } });
      await api.revoke(id, by);
      await flows.deleteApiKeysWorkflow(container).run({ input: { ids: [id] } });
      const left = await query.graph({ entity: 'publishable_api_key_sales_channel', fields: ['id'], filters: { publishable_key_id: id } });
      return [left.data, titles(await api.listApiKeys({ title: 'flow deleted' }))];
    },
    both: [[], []],
  },
  'the workflow that links channels, of one that there is not': {
    run: async ({ flows, container, make, refused }) => {
      const { id } = await make('unlinked', 'publishable');
      return refused(flows.linkSalesChannelsToApiKeyWorkflow(container).run({ input: { id, add: ['sc_none'] } }));
    },
    both: 'invalid_data: Sales channels with IDs sc_none do not exist',
  },
  'the workflow that links channels, taken back': {
    run: async (context) => {
      const { flows, container, make, channel, query } = context;
      const [{ id }, one, two] = [await make('relinked', 'publishable'), await channel('relinked 1'), await channel('relinked 2')];
      await flows.linkSalesChannelsToApiKeyWorkflow(container).run({ input: { id, add: [one.id] } });
      const failed = await failing(context, (input) => flows.linkSalesChannelsToApiKeyStep(input), { id, add: [two.id], remove: [one.id] });
      const { data } = await query.graph({ entity: 'api_key', fields: ['sales_channels.name'], filters: { id } });
      return [failed, data[0].sales_channels.map(({ name }) => name)];
    },
    both: ['a later step fails', ['relinked 1']],
  },
  'the workflow of a first start, at a second one': {
    run: async ({ flows, container, query }) => {
      const keys = async () => (await query.graph({ entity: 'api_key', fields: ['id', 'sales_channels.name'], filters: { title: 'Default Publishable API Key' } })).data;
      await flows.createDefaultsWorkflow(container).run();
      return (await keys()).map(({ sales_channels }) => sales_channels.map(({ name }) => name));
    },
    both: [['Default Sales Channel']],
  },

  // Told.
  'what a workflow makes is told when it ends': {
    run: async (context) => {
      const { flows, sdk, container } = context;
      const during = [];
      const look = sdk.createStep('look', async (keys) => {
        during.push(messages(context, keys.map(({ id }) => id)));
      });
      const workflow = sdk.createWorkflow('make-and-look', (input) => {
        const keys = flows.createApiKeysStep(input);
        look(keys);
        return new sdk.WorkflowResponse(keys);
      });
      const { result } = await workflow(container).run({ input: { api_keys: [key('told')] } });
      await context.soon(() => messages(context, [result[0].id]).length > 0, 3);
      return [during, messages(context, [result[0].id])];
    },
    both: [[[]], ['api_key.api-key.created']],
  },
  'what a workflow takes back is never told': {
    run: async (context) => {
      const { flows, sdk } = context;
      const ids = [];
      const note = sdk.createStep('note', async (keys) => {
        ids.push(...keys.map(({ id }) => id));
      });
      const build = (input) => {
        const keys = flows.createApiKeysStep(input);
        note(keys);
        return keys;
      };
      await failing(context, build, { api_keys: [key('untold')] });
      return [ids.length, messages(context, ids).filter((name) => name.endsWith('created'))];
    },
    both: [1, []],
  },
  'an update and a revocation are told, each once': {
    run: async (context) => {
      const { api, make } = context;
      const { id } = await make('retold');
      await api.updateApiKeys(id, { title: 'retold too' });
      await api.revoke(id, { ...by, revoke_in: HOUR });
      await context.soon(() => messages(context, [id]).length >= 3, 3);
      return messages(context, [id]);
    },
    both: ['api_key.api-key.created', 'api_key.api-key.updated', 'api_key.api-key.updated'],
  },

  // The last one: it renames every key of a shop of Medusa's module.
  'the workflow that changes titles, by words': {
    run: async ({ flows, container, make, api }) => {
      const [{ id }] = [await make('bystander'), await make('renamed by words')];
      await flows.updateApiKeysWorkflow(container).run({ input: { selector: { q: 'renamed words' }, update: { title: 'new' } } });
      return (await api.retrieveApiKey(id)).title;
    },
    medusa: 'new',
    portcullis: 'bystander',
    row: 'one filter by words, used twice',
  },
};
