// What Medusa knows of the publishable key that a request came in with.
exports.GET = async (req, res) => {
  res.json(req.publishable_key_context);
};
