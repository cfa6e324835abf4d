const { createApiKeyWorkflow } = require('../../workflows/create-api-key');

exports.POST = async (req, res) => {
  const { result } = await createApiKeyWorkflow(req.scope).run({ input: req.body });
  res.json(result);
};
