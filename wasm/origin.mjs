#!/usr/bin/env node
// Writes the repository into package.json. npm accepts a package with provenance only if the field
// names the repository of the workflow that publishes it, so that workflow sets it. A package without
// it is not published.

import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const FILE = new URL('package.json', pathToFileURL(`${process.cwd()}/`));

// The fields of a package from `repository`, an https address.
export function origin(repository) {
  const { protocol, host, pathname, search, hash, username } = new URL(repository);
  const path = pathname.replace(/(\.git)?\/*$/, '');
  if (protocol !== 'https:' || search + hash + username !== '' || !/^\/[\w.-]+\/[\w.-]+$/.test(path)) {
    throw new TypeError('an origin is https://HOST/OWNER/NAME');
  }
  const web = `https://${host}${path}`;
  return {
    repository: { type: 'git', url: `git+${web}.git`, directory: 'wasm' },
    homepage: `${web}#readme`,
    bugs: { url: `${web}/issues` },
  };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: name } = process.env;
  const manifest = JSON.parse(readFileSync(FILE, 'utf8'));
  if (server && name) {
    writeFileSync(FILE, `${JSON.stringify({ ...manifest, ...origin(`${server}/${name}`) }, null, 2)}\n`);
  } else if (manifest.repository === undefined) {
    console.error('package.json has no `repository`: publish from a workflow, which says where it runs (GITHUB_SERVER_URL, GITHUB_REPOSITORY)');
    process.exitCode = 1;
  }
}
