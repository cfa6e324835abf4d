// A Worker as an origin reads the caller.

import assert from 'node:assert/strict';
import test from 'node:test';
import { startWorker } from './workerd.mjs';

test('a Worker is told who is calling, and nobody where that is not what a gate writes', async (t) => {
  const worker = await startWorker(`
    import { readCaller } from './js/caller/caller.js';
    export default {
      fetch: (request) => Response.json([readCaller(request) ?? null, readCaller(request.headers) ?? null]),
    };
  `);
  t.after(() => worker.stop());
  const ask = async (headers) => (await fetch(worker.url, { headers })).json();
  const [name, issuer] = ['apk_L3sB1aaMz2uK24WBLB1hcf', 'iss_L3sB1aaMz2uK24WBLB1hcf'];
  const line = `key=${name}, issuer=${issuer}, kind=secret, environment=live, list=42, freshness=fresh, policy=9, scopes=("orders:*")`;
  const caller = {
    key: { name, issuer, kind: 'secret', environment: 'live', owner: null, policy: 9 },
    grant: { scopes: ['orders:*'], salesChannels: [] },
    list: { number: 42, freshness: 'fresh' },
  };
  assert.deepEqual(await ask({ portcullis: line }), [caller, caller]);
  const each = Object.fromEntries(line.split(', ').map((part) => part.split('=')).map(([part, value]) => [`portcullis-${part}`, value.replace(/[()"]/g, '')]));
  assert.deepEqual(await ask(each), [caller, caller]);
  const nobody = [null, null];
  assert.deepEqual(await ask({}), nobody);
  assert.deepEqual(await ask({ portcullis: `${line}, owner=1` }), nobody);
  assert.deepEqual(await ask([['portcullis', line], ['portcullis', line]]), nobody);
});
