// Assembles the parts of the service.

import { createVerifier, httpSource } from 'portcullis';

import { KeyChanges } from './changes.js';
import { Copy } from './copy.js';
import { resolved } from './database.js';
import { fallbackOf } from './fallback.js';
import { CopySync } from './copy-sync.js';
import { KeyVerifier } from './verify.js';
import { KeyLister } from './key-lister.js';
import { IssuerConnection } from './issuer-connection.js';
import { ListStore } from './list-store.js';

// `settings` are the module's options as medusa/options.js reads them; `options` are those that
// Medusa passed.
export function assemble(container, options, settings) {
  const { url, root, secrets, environment, owner, client } = settings;
  const logger = resolved(container, 'logger');
  const copy = new Copy({ container, options, logger, scope: [root ?? url, environment, owner ?? 'all'].join(' ') });
  const connection = new IssuerConnection(client, copy, (error) => logAway(error));
  const byList = settings.authenticate === 'list';
  const listStore = byList ? new ListStore({ root, source: httpSource(url), copy }) : undefined;
  const verifier = byList ? createVerifier({ root, secrets, source: listStore.source }) : undefined;
  const inScope = (key) =>
    key.environment === environment &&
    (owner === undefined || key.owner === owner) &&
    (key.purpose === undefined || key.purpose === 'token');
  const keyVerifier = new KeyVerifier({ connection, copy, listStore, verifier, options: settings, inScope, logger });
  const scope = { environment, owner, purpose: 'token' };
  const copySync = new CopySync({ connection, copy, scope, every: settings.recordsFor, logger });
  const lister = new KeyLister({ connection, copy, verifier: keyVerifier, scope, url, onListed: () => copySync.start() });

  // Cached, because Medusa reads the key's creator next.
  const fetch = async (id) => keyVerifier.records.put(await connection.read((issuer) => issuer.keys.get(id)));
  const fallback = fallbackOf({ options: settings, container, fetch, inScope, logger });

  async function logAway(error) {
    if (error === undefined) {
      logger?.info?.('API keys: the issuer can be reached again');
      copySync.sync(0);
      return;
    }
    const { keysAsOf, listUntil } = await lister.status();
    const until = listUntil === null ? '' : `; keys that come with requests are verified until ${listUntil.toISOString()}`;
    const as = keysAsOf === null ? 'there is no copy of its keys' : `keys are as of ${keysAsOf.toISOString()}${until}`;
    logger?.warn?.(`API keys: the issuer can't be reached; ${as} (${error.message})`);
  }

  const start = () => {
    keyVerifier.start();
    copySync.start();
  };
  const stop = async () => {
    copySync.stop();
    await keyVerifier.stop();
    await fallback?.flush();
    await copy.close();
  };
  return { changes: new KeyChanges(connection, copy), keyVerifier, lister, fallback, start, stop };
}
