// An issuer that publishes Token Status Lists at its own address.

import { makeIssuer, serve } from './issuer.mjs';
import { freePort } from './ports.mjs';

/** Makes and serves an issuer; `base` is the address of its lists, with a slash behind. */
export async function startStatusIssuer() {
  const issuer = await makeIssuer();
  const { kid } = await issuer.cli(['keyring', 'rotate', '--purpose', 'status-list', '--now']);
  // The address stands in the lists, so it is needed before the server is there.
  const port = await freePort();
  const base = `http://127.0.0.1:${port}/.well-known/portcullis/status-lists/`;
  const server = await serve(issuer, { port, stampEvery: '100ms', more: ['--status-lists', base, '--status-ttl', '1s'] });
  return Object.assign(issuer, { server, url: server.url, base, kid: String(kid) });
}
