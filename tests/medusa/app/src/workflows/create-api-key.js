// A key is made in a step, and taken back in the step's compensation.

const { Modules } = require('@medusajs/framework/utils');
const { createStep, createWorkflow, StepResponse, WorkflowResponse } = require('@medusajs/framework/workflows-sdk');

const createApiKeyStep = createStep(
  'app-create-api-key',
  async ({ title, type, created_by }, { container }) => {
    const apiKey = await container.resolve(Modules.API_KEY).createApiKeys({ title, type, created_by });
    return new StepResponse({ apiKey }, apiKey.id);
  },
  async (id, { container }) => {
    if (id) await container.resolve(Modules.API_KEY).deleteApiKeys([id]);
  },
);

/** The keys that later steps had in hands, for the tests to look at. */
exports.handedOn = [];

const failStep = createStep('app-fail', async ({ fail, apiKey }) => {
  exports.handedOn.push(apiKey);
  if (fail) throw new Error('a later step fails');
  return new StepResponse(undefined);
});

exports.createApiKeyWorkflow = createWorkflow('app-create-api-key', (input) => {
  const { apiKey } = createApiKeyStep(input);
  failStep({ fail: input.fail, apiKey });
  return new WorkflowResponse({ apiKey });
});
