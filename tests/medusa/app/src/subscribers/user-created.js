const { createApiKeyWorkflow } = require('../workflows/create-api-key');

exports.default = async function handleUserCreated({ event, container }) {
  const input = { title: `for ${event.data.id}`, type: 'secret', created_by: event.data.id };
  await createApiKeyWorkflow(container).run({ input });
};

exports.config = { event: 'user.created' };
