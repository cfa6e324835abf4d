// Runs workflows that change keys against one of the modules, in a process of its own, and prints what a
// subscriber heard, and when, as JSON.

import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { MedusaApp } = require('@medusajs/framework/modules-sdk');
const { MedusaContext, Modules } = require('@medusajs/framework/utils');
const { createStep, createWorkflow, StepResponse, WorkflowResponse } = require('@medusajs/framework/workflows-sdk');

const { DATABASE_URL, MODULE, OPTIONS } = process.env;
const app = await MedusaApp({
  modulesConfig: {
    [Modules.API_KEY]: { resolve: MODULE, options: JSON.parse(OPTIONS) },
    [Modules.EVENT_BUS]: { resolve: '@medusajs/medusa/event-bus-local' },
  },
  sharedResourcesConfig: { database: { clientUrl: DATABASE_URL, driverOptions: { connection: { ssl: false } } } },
});
await app.runMigrations();
const container = app.sharedContainer;
const api = app.modules[Modules.API_KEY];
const bus = container.resolve(Modules.EVENT_BUS);

const ours = MODULE === 'portcullis/medusa';
const by = { revoked_by: 'usr_1' };
const secret = (title) => ({ title, type: 'secret', created_by: 'usr_1' });
const revoked = async () => {
  const { id } = await api.createApiKeys(secret('old'));
  return api.revoke(id, by);
};
const made = () => api.createApiKeys(secret('old'));

// What a step does with the service that its container gives, and what there must be before.
const ACTS = {
  create: { act: (keys) => keys.createApiKeys(secret('a')) },
  'create of two': { act: (keys) => keys.createApiKeys([secret('a'), secret('b')]) },
  upsert: { before: made, act: (keys, { id }) => keys.upsertApiKeys([{ id, title: 'b' }, secret('c')]) },
  update: { before: made, act: (keys, { id }) => keys.updateApiKeys(id, { title: 'b' }) },
  revoke: { before: made, act: (keys, { id }) => keys.revoke(id, by) },
  delete: { before: revoked, act: (keys, { id }) => keys.deleteApiKeys([id]) },
  'soft delete': { before: made, act: (keys, { id }) => keys.softDeleteApiKeys([id]) },
  restore: {
    before: async () => {
      const key = await made();
      await api.softDeleteApiKeys([key.id]);
      return key;
    },
    act: (keys, { id }) => keys.restoreApiKeys([id]),
  },
  ...(ours ? { undo: { before: made, act: (keys, { id }) => keys.undoCreateApiKeys([id]) } } : {}),
};

const heard = [];
bus.subscribe('*', async (event) => void heard.push(event), { subscriberId: 'listener' });

// What a bus does is done when it has turned a few times.
const settled = () => new Promise((resolve) => setTimeout(resolve, 100));
const plain = ({ name, data, metadata: { source, object, action, eventGroupId } }) =>
  ({ name, data: Object.keys(data).sort(), id: /^apk_/.test(data.id), source, object, action, grouped: eventGroupId !== undefined });
const byName = (one, other) => one.name.localeCompare(other.name);
async function take() {
  await settled();
  return heard.splice(0).map(plain).sort(byName);
}

let count = 0;
function workflowOf(act, fail, seen) {
  count += 1;
  const step = createStep(`act-${count}`, async (key, { container: inner }) => {
    await act(inner.resolve(Modules.API_KEY), key);
    return new StepResponse({ done: true });
  });
  const last = createStep(`last-${count}`, async () => {
    seen.during = await take();
    if (fail) throw new Error('a later step fails');
    return new StepResponse({ done: true });
  });
  return createWorkflow(`workflow-${count}`, (key) => {
    step(key);
    return new WorkflowResponse(last());
  });
}

async function inWorkflow({ before = async () => ({}), act }, fail) {
  const key = await before();
  await take();
  const seen = {};
  const failed = await workflowOf(act, fail, seen)(container).run({ input: key }).then(() => false, () => true);
  if (failed !== fail) throw new Error(`the workflow ${failed ? 'failed' : 'ended'}`);
  return { ...seen, after: await take() };
}

async function nested(fail) {
  await take();
  const seen = {};
  const inner = workflowOf((keys) => keys.createApiKeys(secret('inner')), false, {});
  count += 1;
  const last = createStep(`outer-last-${count}`, async () => {
    seen.during = await take();
    if (fail) throw new Error('a later step fails');
    return new StepResponse({ done: true });
  });
  const outer = createWorkflow(`outer-${count}`, () => {
    inner.runAsStep({ input: {} });
    return new WorkflowResponse(last());
  });
  await outer(container).run({ input: {} }).catch(() => {});
  return { ...seen, after: await take() };
}

const result = { ends: {}, fails: {}, alone: {} };
for (const [name, one] of Object.entries(ACTS)) {
  result.ends[name] = await inWorkflow(one, false);
  result.fails[name] = await inWorkflow(one, true);
  const key = await one.before?.();
  await take();
  await one.act(api, key);
  result.alone[name] = await take();
}
result.nested = { ends: await nested(false), fails: await nested(true) };

await api.createApiKeys(secret('grouped'), { __type: 'MedusaContext', eventGroupId: 'group_1' });
const staged = await take();
await bus.releaseGroupedEvents('group_1');
result.grouped = { staged, released: await take() };

const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(api)).filter((name) => !/^__|^constructor$/.test(name) && typeof api[name] === 'function');
result.without = methods.filter((name) => MedusaContext.getIndex(api, name) === undefined);

process.stdout.write(`\n${JSON.stringify(result)}\n`);
process.exit(0);
