// Secret keys as Medusa's middleware takes them from requests to the admin API.

const base64 = (text) => Buffer.from(text).toString('base64');
const basic = (text) => ({ headers: { authorization: `Basic ${text}` } });
const UNAUTHORIZED = { status: 401, body: { message: 'Unauthorized' } };
const BEARER = 'A secret API key was passed as a Bearer token. Secret API keys must be sent using HTTP Basic authentication instead (Authorization: Basic <secret-api-key>).';

export const cases = {
  'each form of Basic that clients have': {
    run: async ({ make, call }) => {
      const { token } = await make('clients');
      const credentials = [base64(`${token}:`), base64(token), token, `${token}:`];
      return Promise.all(credentials.map(async (credential) => (await call('GET', '/admin/whoami', basic(credential))).status));
    },
    both: [200, 200, 200, 200],
  },
  'the name of the scheme in any case': {
    run: async ({ make, call }) => {
      const { token } = await make('scheme');
      return Promise.all(['Basic', 'basic', 'BASIC'].map(async (scheme) => (await call('GET', '/admin/whoami', { headers: { authorization: `${scheme} ${token}` } })).status));
    },
    both: [200, 200, 200],
  },
  'as whom a key comes in': {
    run: async ({ make, call }) => {
      const { id, token } = await make('who', 'secret', { created_by: 'usr_42' });
      const { actor_id, ...rest } = (await call('GET', '/admin/whoami', basic(token))).body;
      return [actor_id === id, rest];
    },
    both: [true, { actor_type: 'api-key', created_by: 'usr_42' }],
  },
  'a password beside the key': {
    run: async ({ make, call }) => call('GET', '/admin/whoami', basic(base64(`${(await make('password')).token}:secret`))),
    both: UNAUTHORIZED,
  },
  'a key as a bearer token': {
    run: async ({ make, call }) => call('GET', '/admin/whoami', { headers: { authorization: `Bearer ${(await make('bearer')).token}` } }),
    both: { status: 401, body: { message: BEARER } },
  },
  'a key in another header': {
    run: async ({ make, call }) => {
      const { token } = await make('elsewhere');
      const names = ['x-medusa-access-token', 'x-api-key', 'x-publishable-api-key'];
      return Promise.all(names.map(async (name) => (await call('GET', '/admin/whoami', { headers: { [name]: token } })).status));
    },
    both: [401, 401, 401],
  },
  'what is no secret key': {
    run: async ({ make, call }) => {
      const shop = await make('no secret', 'publishable');
      const texts = [shop.token, base64(`${shop.token}:`), 'sk_', 'sk_none', `sk_${'0'.repeat(64)}`, base64(':'), base64('anna:password'), '', 'sk_ł', 'x'.repeat(6000)];
      return Promise.all(texts.map(async (text) => (await call('GET', '/admin/whoami', basic(encodeURI(text)))).status));
    },
    both: [401, 401, 401, 401, 401, 401, 401, 401, 401, 401],
  },
  'a revoked key': {
    run: async ({ make, call, api }) => {
      const { id, token } = await make('revoked');
      const before = (await call('GET', '/admin/whoami', basic(token))).status;
      await api.revoke(id, { revoked_by: 'usr_2' });
      return [before, await call('GET', '/admin/whoami', basic(token))];
    },
    both: [200, UNAUTHORIZED],
  },
  'a key that is to be revoked in an hour': {
    run: async ({ make, call, api }) => {
      const { id, token } = await make('later');
      await api.revoke(id, { revoked_by: 'usr_2', revoke_in: 3600 });
      return (await call('GET', '/admin/whoami', basic(token))).status;
    },
    both: 200,
  },
  'a deleted key': {
    run: async ({ make, call, api }) => {
      const { id, token } = await make('deleted');
      await call('GET', '/admin/whoami', basic(token));
      await api.revoke(id, { revoked_by: 'usr_2' });
      await api.deleteApiKeys(id);
      return (await call('GET', '/admin/whoami', basic(token))).status;
    },
    both: 401,
  },
  'a key softly deleted, then restored': {
    run: async ({ make, call, api }) => {
      const { id, token } = await make('hidden');
      await api.softDeleteApiKeys([id]);
      const hidden = (await call('GET', '/admin/whoami', basic(token))).status;
      await api.restoreApiKeys([id]);
      return [hidden, (await call('GET', '/admin/whoami', basic(token))).status];
    },
    both: [401, 200],
  },
  'a key that makes another': {
    run: async ({ make, call }) => {
      const { id, token } = await make('maker');
      const { body } = await call('POST', '/admin/api-keys', { ...basic(token), body: { title: 'made', type: 'secret' } });
      return [body.api_key.created_by === id, (await call('GET', '/admin/whoami', basic(body.api_key.token))).body.created_by === id];
    },
    both: [true, true],
  },
  'a key that revokes itself': {
    run: async ({ make, call, api }) => {
      const { id, token } = await make('self');
      const { status } = await call('POST', `/admin/api-keys/${id}/revoke`, { ...basic(token), body: {} });
      return [status, (await api.retrieveApiKey(id)).revoked_by === id, (await call('GET', '/admin/whoami', basic(token))).status];
    },
    both: [200, true, 401],
  },
  'a key that lists keys by its first request': {
    run: async ({ make, call }) => {
      const { token } = await make('lister');
      const { status, body } = await call('GET', '/admin/api-keys?q=lister&fields=title', basic(token));
      return [status, body.api_keys.map(({ title }) => title)];
    },
    both: [200, ['lister']],
  },
  'a key that does what it was made for': {
    run: async ({ make, call }) => {
      const { token } = await make('worker');
      const region = { name: 'North', currency_code: 'eur', countries: ['fi'] };
      const { status, body } = await call('POST', '/admin/regions', { ...basic(base64(`${token}:`)), body: region });
      return [status, body.region?.name];
    },
    both: [200, 'North'],
  },
  'a secret key opens nothing of a customer\'s': {
    run: async ({ make, call }) => {
      const [secret, shop] = [await make('no customer'), await make('with a shop', 'publishable')];
      const headers = { ...basic(secret.token).headers, 'x-publishable-api-key': shop.token };
      return call('GET', '/store/customers/me', { headers });
    },
    both: UNAUTHORIZED,
  },
  'twenty requests of one key at a time': {
    run: async ({ make, call }) => {
      const { token } = await make('busy');
      const answers = await Promise.all(Array.from({ length: 20 }, () => call('GET', '/admin/whoami', basic(token))));
      return answers.filter(({ status }) => status === 200).length;
    },
    both: 20,
  },
};
