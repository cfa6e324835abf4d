// Fixtures, hand-made keys, and an issuer that serves files from memory.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { crc32 } from 'node:zlib';

export const fixtures = JSON.parse(
  readFileSync(new URL('fixtures/issuer.json', import.meta.url), 'utf8'),
);
export const { now, root, tokens, lists } = fixtures;

export const bytes = (base64) => new Uint8Array(Buffer.from(base64, 'base64'));

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

// The 96 or 48 bytes of a key's text, checksum included.
export function decode(token) {
  const text = token.slice(token.lastIndexOf('_') + 1);
  const chunks = text.match(/.{11}/g).map((chunk) => {
    const value = [...chunk].reduce((sum, c) => sum * 62n + BigInt(DIGITS.indexOf(c)), 0n);
    return value.toString(16).padStart(16, '0');
  });
  return Buffer.from(chunks.join(''), 'hex');
}

// The text of a key with these bytes before its checksum, which is made right.
export function encode(prefix, covered) {
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(covered, crc32(prefix)));
  const whole = Buffer.concat([covered, check]).toString('hex');
  const chunks = whole.match(/.{16}/g).map((chunk) => {
    let value = BigInt(`0x${chunk}`);
    let text = '';
    for (let digit = 0; digit < 11; digit += 1, value /= 62n) text = DIGITS[value % 62n] + text;
    return text;
  });
  return prefix + chunks.join('');
}

// `token` with one byte changed and its checksum made right again.
export function changed(token, at, change = (byte) => byte ^ 1) {
  const covered = decode(token).subarray(0, -4);
  covered[at] = change(covered[at]);
  return encode(token.slice(0, token.lastIndexOf('_') + 1), covered);
}

// The files of a list as an issuer serves them, by path.
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

// An issuer on loopback. `served` may be exchanged while it runs; a function answers by itself.
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
