// The module's settings, checked where the application starts.

const SECONDS = 1000;

export function settings(options) {
  const {
    url,
    adminKey,
    root,
    secrets,
    environment = 'live',
    owner,
    algorithm,
    authenticate = 'list',
    refreshEvery = SECONDS,
    freshFor = 5 * SECONDS,
    deadline = SECONDS,
    recordsFor = 300 * SECONDS,
    undoWithin = 3600 * SECONDS,
    timeout,
    retries,
    fetch,
  } = options ?? {};
  const must = (good, what) => {
    if (!good) throw new TypeError(`portcullis/medusa: ${what}`);
  };
  must(
    typeof url === 'string' && url !== '',
    "`url` is the issuer's address, such as https://keys.example.com",
  );
  must(
    typeof adminKey === 'string' || typeof adminKey === 'function',
    '`adminKey` is an admin key of the issuer',
  );
  must(environment === 'live' || environment === 'test', '`environment` is live or test');
  must(owner === undefined || Number.isInteger(owner), '`owner` is the number of an owner');
  must(
    [undefined, 'ed25519', 'hmac-sha256-128'].includes(algorithm),
    '`algorithm` is ed25519 or hmac-sha256-128',
  );
  must(authenticate === 'list' || authenticate === 'online', '`authenticate` is list or online');
  must(
    authenticate === 'online' || typeof root === 'string',
    '`root` is the issuer\'s public root key, as `portcullis init` prints it; with `authenticate: "online"` it is not needed',
  );
  for (const [name, value] of Object.entries({
    refreshEvery,
    freshFor,
    deadline,
    recordsFor,
    undoWithin,
  })) {
    must(typeof value === 'number' && value >= 0, `\`${name}\` is milliseconds`);
  }
  const client = {
    url,
    adminKey,
    fetch,
    ...(timeout === undefined ? {} : { timeout }),
    ...(retries === undefined ? {} : { retries }),
  };
  return {
    url,
    root,
    secrets,
    environment,
    owner,
    algorithm,
    authenticate,
    refreshEvery,
    freshFor,
    deadline,
    recordsFor,
    undoWithin,
    client,
  };
}
