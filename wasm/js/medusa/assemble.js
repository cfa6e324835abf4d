// Assembles the parts of the service.

import { createVerifier, httpSource } from 'portcullis';

import { Acts } from './changes.js';
import { Copy } from './copy.js';
import { resolved } from './database.js';
import { fallbackOf } from './fallback.js';
import { Filler } from './copy-sync.js';
import { KeyVerifier } from './verify.js';
import { KeptLister } from './key-lister.js';
import { Reach } from './issuer-connection.js';
import { Trust } from './list-store.js';

// `settings` are the module's options as medusa/options.js reads them; `options` are those that
// Medusa passed.
export function assemble(container, options, settings) {
  const { url, root, secrets, environment, owner, client } = settings;
  const logger = resolved(container, 'logger');
  const copy = new Copy({ container, options, logger, scope: [root ?? url, environment, owner ?? 'all'].join(' ') });
  const reach = new Reach(client, copy, (error) => tell(error));
  const byList = settings.authenticate === 'list';
  const trust = byList ? new Trust({ root, source: httpSource(url), copy }) : undefined;
  const verifier = byList ? createVerifier({ root, secrets, source: trust.source }) : undefined;
  const inScope = (key) =>
    key.environment === environment &&
    (owner === undefined || key.owner === owner) &&
    (key.purpose === undefined || key.purpose === 'token');
  const keyVerifier = new KeyVerifier({ reach, copy, trust, verifier, options: settings, inScope, logger });
  const scope = { environment, owner, purpose: 'token' };
  const filler = new Filler({ reach, copy, scope, every: settings.recordsFor, logger });
  const lister = new KeptLister({ reach, copy, verifier: keyVerifier, scope, url, listed: () => filler.start() });

  // Cached, because Medusa asks for the key's creator next.
  const fetch = async (id) => keyVerifier.records.put(await reach.read((issuer) => issuer.keys.get(id)));
  const fallback = fallbackOf({ options: settings, container, fetch, inScope, logger });

  async function tell(error) {
    if (error === undefined) {
      logger?.info?.('API keys: the issuer can be reached again');
      filler.fill(0);
      return;
    }
    const { keysAsOf, listUntil } = await lister.status();
    const until = listUntil === null ? '' : `; keys that come with requests are verified until ${listUntil.toISOString()}`;
    const as = keysAsOf === null ? 'there is no copy of its keys' : `keys are as of ${keysAsOf.toISOString()}${until}`;
    logger?.warn?.(`API keys: the issuer can't be reached; ${as} (${error.message})`);
  }

  const start = () => {
    keyVerifier.start();
    filler.start();
  };
  const stop = async () => {
    filler.stop();
    await keyVerifier.stop();
    await fallback?.flush();
    await copy.close();
  };
  return { acts: new Acts(reach, copy), keyVerifier, lister, fallback, start, stop };
}
