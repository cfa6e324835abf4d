// Apache as a shared cache before any server.

import { writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { freePort, listens } from './ports.mjs';
import { handedOver, start, temporaryFolder, until } from './processes.mjs';

/** Where the modules are: the program does not say. */
const FOLDERS = [
  '/usr/lib/apache2/modules',
  '/usr/lib64/httpd/modules',
  '/usr/lib/httpd/modules',
  '/usr/libexec/apache2',
  '/opt/homebrew/lib/httpd/modules',
];
const MODULES = ['mpm_event', 'unixd', 'authz_core', 'proxy', 'proxy_http', 'cache', 'cache_socache', 'socache_shmcb'];

/** Starts a cache in front of `upstream`; `X-Cache` in an answer says whether it is out of the cache. */
export async function startApache(upstream) {
  const folder = await temporaryFolder();
  const port = await freePort();
  const modules = FOLDERS.find((found) => existsSync(join(found, 'mod_cache.so')));
  if (!modules) throw new Error(`mod_cache.so is in none of ${FOLDERS.join(', ')}`);
  const loads = MODULES.map(
    (name) => `<IfModule !${name}_module>\n  LoadModule ${name}_module "${modules}/mod_${name}.so"\n</IfModule>`,
  );
  const config = join(folder, 'httpd.conf');
  await writeFile(
    config,
    `${loads.join('\n')}
ServerName cache.example
ServerRoot "${folder}"
DefaultRuntimeDir "${folder}"
PidFile "${folder}/pid"
Listen 127.0.0.1:${port}
ErrorLog "${folder}/errors"
# The cache is in memory: as root, Apache becomes this account, which can't write to the folder.
User nobody
Group #65534
CacheSocache shmcb
CacheSocacheMaxSize 100000
CacheEnable socache /
CacheHeader on
ProxyPass / ${upstream}/
`,
  );
  // One process, which ends with all that it holds.
  const server = start(handedOver('PORTCULLIS_APACHE'), ['-X', '-f', config], { ready: () => undefined });
  await Promise.race([server, until('Apache listens', () => listens(port), 10)]);
  return { url: `http://127.0.0.1:${port}` };
}
