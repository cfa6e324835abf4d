// Three real origins that differ in how they read a request. Each tells what it understood.

import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { freePort, listens } from '../../e2e/support/ports.mjs';
import { start, temporaryFolder, until } from '../../e2e/support/processes.mjs';
import { routesOf } from '../world.mjs';
import { startExpress } from './express.mjs';

const file = (name) => fileURLToPath(new URL(name, import.meta.url));

/** The programs that origins need beside Node, each under the variable that names it. */
const PROGRAMS = { wsgi: 'PORTCULLIS_PYTHON', cgi: 'PORTCULLIS_LIGHTTPD' };

/** The kinds of origins that can't be started here, each with the variable that is not set. */
export function missingOrigins() {
  return Object.entries(PROGRAMS).filter(([, variable]) => !process.env[variable]);
}

/**
 * Starts what the gates need. `urlOf` gives a gate's origin; `understood()` everything that came to
 * any of them since it was asked last.
 */
export async function startOrigins(gates) {
  const heard = [];
  const kinds = new Set(gates.map(({ origin }) => origin));
  const urls = new Map();
  for (const gate of gates.filter(({ origin }) => origin === 'express')) {
    urls.set(gate, await startExpress(routesOf(gate), (told) => heard.push({ kind: 'express', ...told })));
  }
  const wsgi = kinds.has('wsgi') ? await startWsgi() : undefined;
  const cgi = kinds.has('cgi') ? await startCgi() : undefined;
  return {
    urlOf: (gate) => urls.get(gate) ?? { wsgi, cgi }[gate.origin].url,
    async understood() {
      return [...heard.splice(0), ...(wsgi?.take() ?? []), ...((await cgi?.take()) ?? [])].map((told) => ({
        ...told,
        id: told.headers.find(([name]) => folded(name) === 'X_FUZZ_ID')?.[1],
      }));
    },
  };
}

/** A field's name as CGI and its heirs hand it on. */
export const folded = (name) => name.replace(/[^A-Za-z0-9]/g, '_').toUpperCase();

async function startWsgi() {
  const server = await start(process.env.PORTCULLIS_PYTHON, [file('wsgi.py')], {
    env: { PYTHONDONTWRITEBYTECODE: '1', PYTHONIOENCODING: 'utf-8' },
    ready: (told) => /^\{"port": (\d+)\}\n/.exec(told)?.[1],
  });
  let taken = server.log.indexOf('\n') + 1;
  return {
    url: `http://127.0.0.1:${server.value}`,
    take() {
      const end = server.log.lastIndexOf('\n') + 1;
      const lines = server.log.slice(taken, end).split('\n').filter(Boolean);
      taken = end;
      const told = lines.filter((line) => line.startsWith('{'));
      if (told.length < lines.length)
        throw new Error(`the WSGI origin failed:\n${lines.filter((line) => !line.startsWith('{')).join('\n')}`);
      return told
        .map((line) => JSON.parse(line))
        .map((one) => ({ kind: 'wsgi', ...one, body: Buffer.from(one.body, 'base64') }));
    },
  };
}

async function startCgi() {
  const folder = await temporaryFolder();
  const records = join(folder, 'records');
  await mkdir(records);
  const port = await freePort();
  const config = join(folder, 'lighttpd.conf');
  // Every path is what follows the script's own, so the script is told all of it.
  await writeFile(
    config,
    `server.modules = ("mod_alias", "mod_cgi", "mod_setenv")
server.document-root = "${records}"
server.bind = "127.0.0.1"
server.port = ${port}
server.max-connections = 256
alias.url = ("/" => "${file('report.sh')}/")
cgi.assign = (".sh" => "/bin/sh")
setenv.set-environment = ("FUZZ_RECORDS" => "${records}")
`,
  );
  const server = start(process.env.PORTCULLIS_LIGHTTPD, ['-D', '-f', config], { ready: () => undefined });
  // It says nothing when it is ready; when it ends instead, that is the error.
  await Promise.race([server, until('lighttpd listens', () => listens(port), 10)]);
  return {
    url: `http://127.0.0.1:${port}`,
    async take() {
      const names = (await readdir(records)).filter((name) => name.endsWith('.request'));
      return Promise.all(
        names.map(async (name) => {
          const bytes = await readFile(join(records, name));
          await rm(join(records, name));
          return fromCgi(bytes);
        }),
      );
    },
  };
}

function fromCgi(bytes) {
  const end = bytes.indexOf('\0\0');
  const variables = bytes
    .toString('latin1', 0, end)
    .split('\0')
    .map((line) => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)];
    });
  const value = Object.fromEntries(variables);
  return {
    kind: 'cgi',
    method: value.REQUEST_METHOD,
    path: value.PATH_INFO ?? '',
    target: value.REQUEST_URI,
    query: value.QUERY_STRING ?? '',
    headers: variables.filter(([name]) => name.startsWith('HTTP_')).map(([name, text]) => [name.slice(5), text]),
    body: bytes.subarray(end + 2),
  };
}
