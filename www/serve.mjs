#!/usr/bin/env node
// Serves the page and the npm package's browser files, on loopback.
//
//   node www/serve.mjs --port 8790 --issuer http://127.0.0.1:8780 --root AbC…

import { readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const USAGE = 'usage: node www/serve.mjs [--port 8790] [--issuer URL --root KEY]';
const TYPES = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
  wasm: 'application/wasm',
};

// All files that can be served, by address. A request's path is never used as a file path.
function addresses() {
  const here = (name) => new URL(name, import.meta.url);
  const page = ['style.css', 'app.js', 'words.js', 'icon.svg'];
  const scripts = readdirSync(here('../wasm/js'), { recursive: true }).filter((name) => name.endsWith('.js'));
  const built = ['portcullis.wasm'];
  return new Map([
    ['/', here('index.html')],
    ...page.map((name) => [`/${name}`, here(name)]),
    ...scripts.map((name) => [`/portcullis/js/${name}`, here(`../wasm/js/${name}`)]),
    ...built.map((name) => [`/portcullis/dist/${name}`, here(`../wasm/dist/${name}`)]),
  ]);
}

// The page may connect only to its issuer, so that a key can't be sent anywhere else.
function policy(issuer) {
  const origin = URL.canParse(issuer) ? new URL(issuer).origin : '';
  const connect = /^https?:/.test(origin) ? `'self' ${origin}` : "'self'";
  return [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src ${connect}`,
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

export function serve({ port = 0, issuer = '', root = '' } = {}) {
  const files = addresses();
  const server = createServer((request, response) => {
    const [path, query] = request.url.split('?', 2);
    const asked = new URLSearchParams(query).get('issuer');
    response.setHeader('content-security-policy', policy(asked || issuer));
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('referrer-policy', 'no-referrer');
    response.setHeader('cross-origin-opener-policy', 'same-origin');
    response.setHeader('cache-control', 'no-cache');
    const answer = (status, type, body) =>
      response.writeHead(status, { 'content-type': type }).end(request.method === 'HEAD' ? undefined : body);
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, 'text/plain', 'GET only\n');
    if (path === '/config.json') return answer(200, 'application/json', JSON.stringify({ issuer, root }));
    const file = files.get(path);
    if (file === undefined) return answer(404, 'text/plain', 'not found\n');
    try {
      return answer(200, TYPES[file.pathname.split('.').pop()], readFileSync(file));
    } catch {
      return answer(500, 'text/plain', 'not built: run `cargo xtask build`\n');
    }
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

async function main() {
  const options = { port: { type: 'string' }, issuer: { type: 'string' }, root: { type: 'string' } };
  const { port = '8790', issuer, root } = parseArgs({ options }).values;
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) throw new Error(`--port ${port}: 0 to 65535`);
  const server = await serve({ port: Number(port), issuer, root });
  console.log(`http://127.0.0.1:${server.address().port}/`);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  main().catch((error) => {
    console.error(`${error.message}\n${USAGE}`);
    process.exitCode = 2;
  });
}
