// API keys over Medusa's admin API, in the name of a user.

const sorted = (rows) => rows.map(({ title }) => title).sort();
const titles = (rows) => rows.map(({ title }) => title);
/** What a call was refused with. */
const refusal = ({ status, body }) => [status, body.type, body.message];

/** Makes keys whose titles begin with `word`, over HTTP: one secret, two publishable. */
async function three({ admin }, word) {
  const made = [];
  for (const [name, type] of [['a', 'secret'], ['b', 'publishable'], ['c', 'publishable']]) {
    made.push((await admin('POST', '/api-keys', { title: `${word} ${name}`, type })).body.api_key);
  }
  return made;
}

const list = async ({ admin }, query) => (await admin('GET', `/api-keys?${query}`)).body;

export const cases = {
  // Made.
  'over HTTP, a secret key is made, with its text': {
    run: async ({ admin, user }) => {
      const { status, body } = await admin('POST', '/api-keys', { title: 'Office', type: 'secret' });
      const { id, token, redacted, created_by, created_at, updated_at, expires_at, ...rest } = body.api_key;
      return [status, id.startsWith('apk_'), token.startsWith('sk_'), redacted.startsWith('sk_'), created_by === user.id, typeof created_at, typeof updated_at, rest];
    },
    both: [
      ...[200, true, true, true, true, 'string', 'string'],
      { title: 'Office', type: 'secret', revoked_at: null, revoked_by: null, last_used_at: null, deleted_at: null },
    ],
  },
  'over HTTP, a publishable key is made': {
    run: async ({ admin, user }) => {
      const { status, body } = await admin('POST', '/api-keys', { title: 'Shop', type: 'publishable' });
      const { token, created_by, type, revoked_at } = body.api_key;
      return [status, token.startsWith('pk_'), created_by === user.id, type, revoked_at];
    },
    both: [200, true, true, 'publishable', null],
  },
  'over HTTP, keys that lack something, or have too much': {
    run: async ({ admin }) => {
      const bodies = [{ type: 'secret' }, { title: 'a' }, {}, { title: 'a', type: 'master' }, { title: 7, type: 'secret' }, { title: 'a', type: 'secret', created_by: 'me' }, { title: null, type: 'secret' }];
      return Promise.all(bodies.map(async (body) => refusal(await admin('POST', '/api-keys', body))));
    },
    both: [
      [400, 'invalid_data', "Invalid request: Field 'title' is required"],
      [400, 'invalid_data', "Invalid request: Field 'type' is required"],
      [400, 'invalid_data', "Invalid request: Field 'title' is required; Field 'type' is required"],
      [400, 'invalid_data', "Invalid request: Expected: 'publishable, secret' for field 'type', but got: 'master'"],
      [400, 'invalid_data', "Invalid request: Expected type: 'string' for field 'title', got: '7'"],
      [400, 'invalid_data', "Invalid request: Unrecognized fields: 'created_by'"],
      [400, 'invalid_data', "Invalid request: Expected type: 'string' for field 'title', got: 'null'"],
    ],
  },

  // Listed.
  'over HTTP, a list has its size, and pages': {
    run: async (context) => {
      await three(context, 'paged');
      const pages = ['limit=2&order=title', 'limit=2&offset=2&order=title', 'limit=2&offset=9&order=title'];
      return Promise.all(pages.map(async (page) => {
        const { api_keys, count, limit, offset } = await list(context, `q=paged&${page}`);
        return [titles(api_keys), count, limit, offset];
      }));
    },
    both: [[['paged a', 'paged b'], 3, 2, 0], [['paged c'], 3, 2, 2], [[], 3, 2, 9]],
  },
  'over HTTP, a list is of twenty where nothing is said': {
    run: async (context) => {
      const { limit, offset, count, api_keys } = await list(context, '');
      return [limit, offset, count === api_keys.length];
    },
    both: [20, 0, true],
  },
  'over HTTP, a list in the order of title, either way': {
    run: async (context) => {
      await three(context, 'ordered');
      return Promise.all(['title', '-title'].map(async (order) => titles((await list(context, `q=ordered&order=${order}`)).api_keys)));
    },
    both: [['ordered a', 'ordered b', 'ordered c'], ['ordered c', 'ordered b', 'ordered a']],
  },
  'over HTTP, a list by type, title, id and text': {
    run: async (context) => {
      const [a, b, c] = await three(context, 'sieved');
      const queries = [
        'q=sieved&type=secret',
        'q=sieved&type=publishable',
        'title=sieved%20b',
        'title[]=sieved%20a&title[]=sieved%20c',
        `id=${a.id}`,
        `id[]=${a.id}&id[]=${c.id}`,
        `token=${b.token}`,
        `token=${a.token}`,
      ];
      return Promise.all(queries.map(async (query) => sorted((await list(context, query)).api_keys)));
    },
    both: [
      ['sieved a'],
      ['sieved b', 'sieved c'],
      ['sieved b'],
      ['sieved a', 'sieved c'],
      ['sieved a'],
      ['sieved a', 'sieved c'],
      ['sieved b'],
      [],
    ],
  },
  'over HTTP, a list by dates': {
    run: async (context) => {
      const [a] = await three(context, 'dated');
      await context.admin('POST', `/api-keys/${a.id}/revoke`, {});
      const [past, future] = [-60_000, 60_000].map((millis) => encodeURIComponent(new Date(Date.now() + millis).toISOString()));
      const queries = [`created_at[$gt]=${past}`, `created_at[$gt]=${future}`, `updated_at[$lt]=${future}`, `revoked_at[$lt]=${future}`, `revoked_at[$gt]=${past}&type=publishable`];
      return Promise.all(queries.map(async (query) => sorted((await list(context, `q=dated&${query}`)).api_keys)));
    },
    both: [['dated a', 'dated b', 'dated c'], [], ['dated a', 'dated b', 'dated c'], ['dated a'], []],
  },
  'over HTTP, a list by one thing or another': {
    run: async (context) => {
      await three(context, 'either');
      const queries = ['$or[0][title]=either%20a&$or[1][title]=either%20c', '$and[0][title]=either%20b&$and[1][type]=publishable'];
      return Promise.all(queries.map(async (query) => sorted((await list(context, query)).api_keys)));
    },
    both: [['either a', 'either c'], ['either b']],
  },
  'over HTTP, lists that ask for what there is not': {
    run: async ({ admin }) => {
      const queries = ['colour=red', 'limit=many', 'type=master', 'created_by=usr_1'];
      return Promise.all(queries.map(async (query) => refusal(await admin('GET', `/api-keys?${query}`)).slice(0, 2)));
    },
    both: [[400, 'invalid_data'], [400, 'invalid_data'], [400, 'invalid_data'], [400, 'invalid_data']],
  },
  'over HTTP, lists in an order that there is not, and after fewer than none': {
    run: async ({ admin }) => {
      const queries = ['order=colour', 'offset=-1', 'limit=-1'];
      return Promise.all(queries.map(async (query) => refusal(await admin('GET', `/api-keys?${query}`)).slice(0, 2)));
    },
    medusa: [[500, 'unknown_error'], [500, 'unknown_error'], [500, 'unknown_error']],
    portcullis: [[400, 'invalid_data'], [400, 'invalid_data'], [400, 'invalid_data']],
    row: 'keys in the order of a field that there is not',
  },
  'over HTTP, words among alternatives': {
    run: async (context) => {
      await three(context, 'worded');
      return titles((await list(context, '$or[0][q]=worded&order=title')).api_keys ?? []);
    },
    medusa: [],
    portcullis: ['worded a', 'worded b', 'worded c'],
    row: 'words among alternatives',
  },
  'over HTTP, keys of no title, and of a very long one': {
    run: async ({ admin }) => Promise.all(['', 'x'.repeat(300)].map(async (title) => (await admin('POST', '/api-keys', { title, type: 'secret' })).status)),
    medusa: [200, 200],
    portcullis: [400, 400],
    row: 'a key of a title of 300 characters',
  },
  'over HTTP, the fields that were asked for': {
    run: async (context) => {
      const [a, b] = await three(context, 'chosen');
      const shown = async (path) => Object.keys((await context.admin('GET', path)).body.api_key).sort();
      const listed = (await list(context, 'q=chosen&fields=title,type')).api_keys.map((row) => Object.keys(row).sort().join());
      return [await shown(`/api-keys/${a.id}?fields=id,title`), await shown(`/api-keys/${b.id}?fields=-token,-redacted,-sales_channels`), listed];
    },
    both: [
      ['id', 'title'],
      ['created_at', 'created_by', 'id', 'last_used_at', 'revoked_at', 'revoked_by', 'title', 'type', 'updated_at'],
      ['id,title,type', 'id,title,type', 'id,title,type'],
    ],
  },
  'over HTTP, lists show the text of publishable keys alone': {
    run: async (context) => {
      const made = await three(context, 'shown');
      const { api_keys } = await list(context, 'q=shown&order=title');
      return api_keys.map(({ token, salt }, at) => [token === made[at].token, token === '', salt ?? 'no salt']);
    },
    both: [[false, true, 'no salt'], [true, false, 'no salt'], [true, false, 'no salt']],
  },

  // One key.
  'over HTTP, a key, and one that there is not': {
    run: async (context) => {
      const [a, b] = await three(context, 'single');
      const { admin } = context;
      const one = async ({ id }) => {
        const { status, body } = await admin('GET', `/api-keys/${id}`);
        return [status, body.api_key.title, body.api_key.token === '', body.api_key.sales_channels];
      };
      return [await one(a), await one(b), refusal(await admin('GET', '/api-keys/apk_none'))];
    },
    both: [
      [200, 'single a', true, []],
      [200, 'single b', false, []],
      [404, 'not_found', 'API Key with id: apk_none was not found'],
    ],
  },
  'over HTTP, a new title': {
    run: async (context) => {
      const [a, b] = await three(context, 'titled');
      const changed = [];
      for (const { id } of [a, b]) changed.push((await context.admin('POST', `/api-keys/${id}`, { title: `retitled ${id === a.id}` })).body.api_key);
      return changed.map(({ title, token, revoked_at }, at) => [title, token === [a, b][at].token, token === '', revoked_at]);
    },
    both: [['retitled true', false, true, null], ['retitled false', true, false, null]],
  },
  'over HTTP, changes that can\'t be': {
    run: async (context) => {
      const [a] = await three(context, 'fixed');
      const bodies = [{}, { title: 7 }, { title: 'b', type: 'publishable' }, { revoked_by: 'me' }];
      const refused = await Promise.all(bodies.map(async (body) => refusal(await context.admin('POST', `/api-keys/${a.id}`, body)).slice(0, 2)));
      return [...refused, (await context.api.retrieveApiKey(a.id)).title];
    },
    both: [[400, 'invalid_data'], [400, 'invalid_data'], [400, 'invalid_data'], [400, 'invalid_data'], 'fixed a'],
  },
  'over HTTP, a key that there is not, changed, revoked and deleted': {
    run: async ({ admin }) => [
      await admin('POST', '/api-keys/apk_none', { title: 'b' }),
      await admin('POST', '/api-keys/apk_none/revoke', {}),
      await admin('DELETE', '/api-keys/apk_none'),
    ],
    both: [{ status: 200, body: {} }, { status: 200, body: {} }, { status: 200, body: { id: 'apk_none', object: 'api_key', deleted: true } }],
  },

  // Revoked and deleted.
  'over HTTP, a revocation says who asked for it': {
    run: async (context) => {
      const { admin, user } = context;
      const made = await three(context, 'ended');
      return Promise.all(made.map(async ({ id }) => {
        const { status, body } = await admin('POST', `/api-keys/${id}/revoke`, {});
        return [status, body.api_key.revoked_by === user.id, Date.parse(body.api_key.revoked_at) <= Date.now()];
      }));
    },
    both: [[200, true, true], [200, true, true], [200, true, true]],
  },
  'over HTTP, a revocation in an hour, and one that is brought forward': {
    run: async (context) => {
      const [a] = await three(context, 'scheduled');
      const revoke = async (body) => Date.parse((await context.admin('POST', `/api-keys/${a.id}/revoke`, body)).body.api_key.revoked_at) - Date.now();
      return [Math.round((await revoke({ revoke_in: 3600 })) / 600_000), (await revoke({})) <= 0];
    },
    both: [6, true],
  },
  'over HTTP, revocations that can\'t be': {
    run: async (context) => {
      const [a] = await three(context, 'kept');
      const bodies = [{ revoke_in: 'soon' }, { revoked_by: 'me' }];
      const refused = await Promise.all(bodies.map(async (body) => refusal(await context.admin('POST', `/api-keys/${a.id}/revoke`, body)).slice(0, 2)));
      return [...refused, (await context.api.retrieveApiKey(a.id)).revoked_at];
    },
    both: [[400, 'invalid_data'], [400, 'invalid_data'], null],
  },
  'over HTTP, a secret key that is revoked already': {
    run: async (context) => {
      const [a] = await three(context, 'twice');
      await context.admin('POST', `/api-keys/${a.id}/revoke`, {});
      return refusal(await context.admin('POST', `/api-keys/${a.id}/revoke`, {}));
    },
    both: [400, 'invalid_data', 'There are 1 secret keys that are already revoked.'],
  },
  'over HTTP, a publishable key that is revoked already': {
    run: async (context) => {
      const [, b] = await three(context, 'double');
      await context.admin('POST', `/api-keys/${b.id}/revoke`, {});
      return (await context.admin('POST', `/api-keys/${b.id}/revoke`, {})).status;
    },
    medusa: 200,
    portcullis: 400,
    row: 'a publishable key revoked twice',
  },
  'over HTTP, a revoked key deleted': {
    run: async (context) => {
      const { admin } = context;
      const [, b] = await three(context, 'removed');
      await admin('POST', `/api-keys/${b.id}/revoke`, {});
      const deleted = await admin('DELETE', `/api-keys/${b.id}`);
      return [deleted, (await admin('GET', `/api-keys/${b.id}`)).status, sorted((await list(context, 'q=removed')).api_keys)];
    },
    both: [{ status: 200, body: { id: '(id)', object: 'api_key', deleted: true } }, 404, ['removed a', 'removed c']],
  },
  'over HTTP, a key that counts, and was just made, deleted': {
    run: async (context) => {
      const [a] = await three(context, 'hasty');
      return [(await context.admin('DELETE', `/api-keys/${a.id}`)).status, sorted((await list(context, 'q=hasty')).api_keys)];
    },
    medusa: [400, ['hasty a', 'hasty b', 'hasty c']],
    portcullis: [200, ['hasty b', 'hasty c']],
    row: 'a key that was just made deleted',
  },
  'over HTTP, nobody': {
    run: async ({ call }) => {
      const calls = [['GET', ''], ['POST', ''], ['GET', '/apk_none'], ['POST', '/apk_none/revoke'], ['DELETE', '/apk_none'], ['POST', '/apk_none/sales-channels']];
      return Promise.all(calls.map(async ([method, path]) => call(method, `/admin/api-keys${path}`, method === 'POST' ? { body: {} } : {})));
    },
    both: Array.from({ length: 6 }, () => ({ status: 401, body: { message: 'Unauthorized' } })),
  },
};
