// A real issuer in a folder of its own.

import { join } from 'node:path';

import { handedOver, run, start, temporaryFolder } from './processes.mjs';

/** Runs the program and gives what it printed as JSON; fails unless it exits with `code`. */
export async function portcullis(home, args, { code = 0, input } = {}) {
  const result = await run(handedOver('PORTCULLIS_BIN'), ['--home', home, '--json', ...args], { input });
  if (result.code !== code) {
    throw new Error(`portcullis ${args.join(' ')}: exit ${result.code}\n${result.stdout}${result.stderr}`);
  }
  return result.stdout.trim() ? JSON.parse(result.stdout) : undefined;
}

/** Makes an issuer, not yet serving. */
export async function makeIssuer({ label } = {}) {
  const home = join(await temporaryFolder(), 'issuer');
  const made = await portcullis(home, ['init', ...(label ? ['--label', label] : [])]);
  const gateKeys = await portcullis(home, ['keyring', 'export', '--gate']);
  return {
    home,
    root: made.root,
    issuer: made.issuer,
    adminKey: made.admin_key,
    gateKeys: JSON.stringify(gateKeys),
    cli: (args, options) => portcullis(home, args, options),
    /** Makes a key; gives its record and its text. */
    async create(...args) {
      const { key, token } = await portcullis(home, ['keys', 'create', '--title', 'test', ...args]);
      return { ...key, token };
    },
    /** An admin key that can fetch what gates need, and nothing else. */
    gateKey: async () => (await portcullis(home, ['keys', 'create', '--admin', '--scope', 'gates:read', '--title', 'Gate'])).token,
    revoke: (id, ...args) => portcullis(home, ['keys', 'revoke', id, ...args]),
  };
}

/**
 * Starts `portcullis serve` for an issuer; `server.stop()` ends it, and it can be started again.
 * `under` is a program with its arguments that starts another.
 */
export async function serve(issuer, how = {}) {
  const { stampEvery = '250ms', validFor = '5m', port = 0, targets = [], more = [], under = [] } = how;
  const [program, ...before] = [...under, handedOver('PORTCULLIS_BIN')];
  const server = await start(
    program,
    [
      ...before,
      ...['--home', issuer.home, 'serve', '--listen', `127.0.0.1:${port}`],
      ...['--stamp-every', stampEvery, '--valid-for', validFor],
      ...targets.flatMap((target) => ['--target', target]),
      ...more,
    ],
    // The token of Workers KV, wherever a target asks for one.
    { env: { CLOUDFLARE_API_TOKEN: 'test' }, ready: (told) => told.match(/http:\/\/127\.0\.0\.1:\d+/)?.[0] },
  );
  server.url = server.value;
  return server;
}

/** Makes and serves an issuer. */
export async function startIssuer(options = {}) {
  const issuer = await makeIssuer(options);
  const server = await serve(issuer, options);
  const api = async (method, path, body, headers = {}) => {
    const response = await fetch(server.url + path, {
      method,
      headers: {
        authorization: `Bearer ${issuer.adminKey}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : undefined };
  };
  // By the server that renews the stamps, without a program that is started for it.
  const revokeByApi = (id) => api('POST', `/v1/keys/${id}/revoke`, {});
  return Object.assign(issuer, { server, url: server.url, api, revokeByApi });
}
