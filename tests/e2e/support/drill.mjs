// The set-up of a page of docs/operations: an issuer that runs as the service of docs/operations.md, a
// gate in front of an origin, and what stands in for systemd and wrangler. Paths and addresses of the
// pages stand for others here.

import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { delimiter, join } from 'node:path';

import { startGate } from './gate.mjs';
import { listen, read, startOrigin } from './http.mjs';
import { portcullis } from './issuer.mjs';
import { atEnd, handedOver, start, temporaryFolder, until } from './processes.mjs';
import { cleanEnvironment, freeAddress, openShell, replaceWhole, runPage } from './tour.mjs';

const DOCS = new URL('../../../docs/', import.meta.url);
const page = (name) => readFile(new URL(name, DOCS), 'utf8');

/** The block of a page, docs/operations.md by default, that is introduced by `<!-- NAME -->`. */
async function block(name, of = 'operations.md') {
  const text = await page(of);
  const found = text.match(new RegExp(`<!-- ${name} -->\n\`\`\`[a-z]*\n([^]*?)\n\`\`\``))?.[1];
  assert.ok(found, `docs/${of} has no block "${name}"`);
  return found;
}

/** Programs that need a machine of their own: each tells this process what it was called with. */
const STAND_INS = ['systemctl', 'journalctl', 'npx'];

/**
 * Sets the stage. `valid` is how long stamps count, where a page's waiting would be too long otherwise, `env`
 * more of the service's environment, `home` where the issuer's folder is, `gate` more of the gate's settings, `relay`
 * what stands between gate and issuer, `places` more of what the page names, `wrap` variables of each `portcullis`.
 */
export async function stage({ valid, env: more = {}, home, gate: settings = {}, relay, places: further = {}, wrap } = {}) {
  const folder = await temporaryFolder();
  const address = await freeAddress();
  const at = (name) => join(folder, name);
  const paths = { '/var/lib/portcullis': home ?? at('home'), '/srv/list': at('list'), '/media/root': at('stick') };
  paths['/var/backups'] = at('backups');
  paths['/etc/portcullis'] = at('etc');
  const it = { folder, paths, log: '', env: {} };
  // The gate's own address, which stays when another takes its place.
  const door = await startDoor(() => it.gate?.url);
  it.issuerUrl = `http://${address}`;
  const places = () =>
    Object.entries({
      ...paths,
      '127.0.0.1:8080': address,
      'https://keys.example.com': it.issuerUrl,
      'https://api.example.com': door.url,
      ...further,
    });
  it.here = (text) => places().reduce((text, [theirs, ours]) => replaceWhole(text, theirs, ours), text);
  it.there = (text) => places().reduce((text, [theirs, ours]) => replaceWhole(text, ours, theirs), text);

  for (const name of ['bin', 'work', 'stick', 'backups', 'etc', 'scratch']) await mkdir(at(name));
  if (wrap) {
    const settings = Object.entries(wrap).map(([name, value]) => `${name}='${value}'`);
    const script = `#!/bin/sh\nexport ${settings.join(' ')}\nexec ${handedOver('PORTCULLIS_BIN')} "$@"\n`;
    await writeFile(join(at('bin'), 'portcullis'), script, { mode: 0o755 });
  } else {
    await symlink(handedOver('PORTCULLIS_BIN'), join(at('bin'), 'portcullis'));
  }
  // The service, as the page writes it.
  const unit = await block('portcullis.service', 'deploy-issuer.md');
  const [program, ...args] = it.here(unit.match(/^ExecStart=(.*)$/m)[1]).split(' ');
  assert.equal(program, '/usr/local/bin/portcullis');
  await writeFile(join(at('etc'), 'issuer.env'), `${it.here(await block('issuer.env'))}\n`);
  const settled = async () => {
    const lines = (await readFile(join(at('etc'), 'issuer.env'), 'utf8')).trim().split('\n');
    return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
  };
  const clean = cleanEnvironment();
  const stray = Object.fromEntries(Object.keys(process.env).filter((name) => !(name in clean)).map((name) => [name, undefined]));
  if (more.PORTCULLIS_TARGETS) more = { ...more, PORTCULLIS_TARGETS: it.here(more.PORTCULLIS_TARGETS) };
  it.env = { ...(valid ? { PORTCULLIS_VALID_FOR: valid } : {}), ...more };

  const serving = async () => {
    const env = { ...stray, ...(await settled()), ...it.env, ...wrap };
    it.server = await start(handedOver('PORTCULLIS_BIN'), args, {
      env,
      ready: (told) => (told.includes('listening on') ? true : undefined),
    });
  };
  const stop = async () => {
    if (it.server) it.log += it.server.log;
    await it.server?.stop();
    it.server = undefined;
  };
  it.stop = stop;
  it.serve = serving;
  const systemctl = async (verb) => {
    if (verb === 'stop' || verb === 'restart') await stop();
    if (verb === 'start' || verb === 'restart') {
      try {
        await serving();
      } catch (error) {
        it.log += String(error);
        return 'Job for portcullis.service failed because the control process exited with error code.\n';
      }
    }
    return '';
  };
  const journalctl = async (...args) => {
    const lines = Number(args[args.indexOf('-n') + 1]);
    const log = (it.log + (it.server?.log ?? '')).trimEnd().split('\n');
    return `${log.slice(-lines).join('\n')}\n`;
  };
  // Secrets and variables, as they are put for the Worker: the gate starts anew with them.
  const npx = async (wrangler, verb, ...rest) => {
    assert.equal(wrangler, 'wrangler');
    const body = rest.pop();
    if (verb === 'secret') {
      const name = rest.at(-1);
      await it.openGate({ [name]: body });
      return `✨ Success! Uploaded secret ${name}\n`;
    }
    assert.equal(verb, 'deploy');
    const changed = rest.flatMap((word, at) => (rest[at - 1] === '--var' ? [word] : []));
    await it.openGate(Object.fromEntries(changed.map((text) => [text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 1)])));
    return 'Deployed portcullis-gate triggers\n';
  };
  const acts = { systemctl, journalctl, npx };
  const control = await listen(async (incoming, outgoing) => {
    const body = (await read(incoming)).toString();
    const words = decodeURIComponent(incoming.headers.words).split('\n').slice(0, -1);
    const name = incoming.url.slice(1);
    try {
      outgoing.end(await acts[name](...words, ...(name === 'npx' ? [body] : [])));
    } catch (error) {
      outgoing.end(`stand-in of ${name}: ${error.stack}\n`);
    }
  });
  for (const name of STAND_INS) {
    const input = name === 'npx' ? '[ "$2" = deploy ] && exec < /dev/null\n' : 'exec < /dev/null\n';
    // Words with anything in them, one a line, as a header field.
    const script = `#!/bin/sh\n${input}words=$(printf '%s\\n' "$@" | od -An -v -tx1 | tr -d '\\n' | tr ' ' %)
exec curl -s --data-binary @- -H "words: $words" ${control.url}/${name}\n`;
    await writeFile(join(at('bin'), name), script);
    await chmod(join(at('bin'), name), 0o755);
  }

  const env = { ...clean, ...(await settled()), ...it.env, PATH: `${at('bin')}${delimiter}${clean.PATH}`, LC_ALL: 'C' };
  it.shell = openShell(at('work'), env);
  atEnd(it.shell.close);
  it.cli = (args, options) => portcullis(paths['/var/lib/portcullis'], args, options);
  const quietly = async (command) => {
    const { code, lines } = await it.shell.run(it.here(command), 60 * (it.patience ?? 1));
    assert.equal(code, 0, `${command}\n${lines.join('\n')}`);
    return lines;
  };
  it.quietly = quietly;
  const made = JSON.parse((await quietly('portcullis init --root /media/root/root.key --json')).join('\n'));
  it.made = made;
  it.create = async (title, ...more) => {
    const { key, token } = await it.cli(['keys', 'create', '--title', title, ...more]);
    return { ...key, token };
  };
  await serving();
  const orders = await it.create('Order service');
  it.names = new Map([
    ['admin-key', made.admin_key],
    ['root', made.root],
    ['issuer', made.issuer],
    ['orders', orders.id],
    ['orders-key', orders.token],
  ]);
  const origin = await startOrigin();
  it.origin = origin;
  const gateKey = (await it.cli(['keys', 'create', '--admin', '--scope', 'gates:read', '--title', 'Gate'])).token;
  it.settings = {
    ISSUER_URL: relay ? relay.url : it.issuerUrl,
    ORIGIN_URL: origin.url,
    ROOT: made.root,
    HMAC_KEYS: JSON.stringify(await it.cli(['keyring', 'export', '--gate', '--environment', 'live'])),
    GATE_KEY: gateKey,
    ...settings,
  };
  it.openGate = async (changed = {}) => {
    await it.gate?.stop();
    Object.assign(it.settings, changed);
    it.gate = await startGate(it.settings);
  };
  if (relay) relay.upstream = it.issuerUrl;
  await it.openGate();
  await until('the gate is open', async () => (await it.gate.ask(orders.token)).status === 200);
  await quietly(await block('shell'));
  await quietly(`export ADMIN_KEY=${made.admin_key}`);
  return it;
}

/** Hands connections on to the address that `where` gives; without one they are closed. */
async function startDoor(where) {
  const sockets = new Set();
  const server = createServer((inside) => {
    const url = where();
    if (!url) return inside.destroy();
    const outside = connect(Number(new URL(url).port), '127.0.0.1');
    for (const [one, other] of [[inside, outside], [outside, inside]]) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(() => {
    server.close();
    sockets.forEach((socket) => socket.destroy());
  });
  return { url: `http://127.0.0.1:${server.address().port}` };
}

/** Runs a page of docs/operations on its stage. */
export async function drill(name, on, happens = {}) {
  const { shell, here, there, names } = on;
  const file = `operations/${name}.md`;
  const { commands } = await runPage(`docs/${file}`, await page(file), { shell, here, there, names, happens, seconds: 60 * (on.patience ?? 1) });
  assert.ok(commands > 3, `docs/${file} has hardly any command`);
}
