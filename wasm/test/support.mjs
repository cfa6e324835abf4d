// Fixtures, hand-made keys, and an issuer that serves files from memory.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

export { changed, decode, encode } from './keys.mjs';

export const fixtures = JSON.parse(
  readFileSync(new URL('fixtures/issuer.json', import.meta.url), 'utf8'),
);
export const { now, root, tokens, lists } = fixtures;

export const bytes = (base64) => new Uint8Array(Buffer.from(base64, 'base64'));

// The files of a list by path, as an issuer serves them.
export function files(list, keyring = fixtures.keyrings[0]) {
  const named = (folder, group) =>
    Object.entries(group).map(([digest, file]) => [`${folder}/${digest}`, bytes(file)]);
  return Object.fromEntries([
    ['stamp', bytes(list.stamp)],
    ['bundle', bytes(list.bundle)],
    ['keyring', bytes(keyring)],
    ...named('heads', list.head),
    ...named('bodies', list.bodies),
    ...named('policies', list.policies),
    ...named('private', list.private),
  ]);
}

// An issuer on loopback. A test can replace `served` while it runs. A function in it sends the answer
// itself.
export async function issuer(served) {
  const state = { served, asked: [] };
  const server = createServer((request, response) => {
    const name = request.url.replace('/.well-known/portcullis/', '');
    state.asked.push(name);
    const file = state.served[name];
    response.setHeader('access-control-allow-origin', '*');
    if (typeof file === 'function') file(response);
    else if (file === undefined) response.writeHead(404).end();
    else response.end(file);
  });
  const port = await listen(server);
  state.url = `http://127.0.0.1:${port}`;
  state.close = () => close(server);
  return state;
}

export function listen(server, port = 0) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server.address().port));
  });
}

export function close(server) {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
}
