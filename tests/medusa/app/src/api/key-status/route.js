// GET /key-status tells whether the issuer can be reached, and as of when keys are.

const { Modules } = require('@medusajs/framework/utils');

exports.GET = async (req, res) => res.json(await req.scope.resolve(Modules.API_KEY).status());
