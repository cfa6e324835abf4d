// As whom Medusa knows the caller.
exports.GET = async (req, res) => {
  const { actor_id, actor_type } = req.auth_context;
  res.json({ actor_id, actor_type, created_by: req.secret_key_context?.created_by ?? null });
};
