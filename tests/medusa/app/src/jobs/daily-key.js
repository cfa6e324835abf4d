const { createApiKeyWorkflow } = require('../workflows/create-api-key');

exports.default = async function dailyKey(container) {
  const { result } = await createApiKeyWorkflow(container).run({
    input: { title: 'of the day', type: 'publishable', created_by: 'job' },
  });
  return result.apiKey.id;
};

exports.config = { name: 'daily-key', schedule: '0 0 * * *' };
