// The independent reader in Python, kept running.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { atEnd, handedOver } from './processes.mjs';

const PROGRAM = fileURLToPath(new URL('reader.py', import.meta.url));
const coded = (bytes) => Buffer.from(bytes).toString('base64url');

/** Starts it. `ask` gives its answer; what it says on its standard error is an end of the campaign. */
export function startReader() {
  const child = spawn(handedOver('PORTCULLIS_PYTHON'), [PROGRAM], {
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const waiting = new Map();
  let rest = '';
  let said = '';
  let asked = 0;
  child.stdout.on('data', (data) => {
    const lines = (rest + data).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      const answer = JSON.parse(line);
      waiting.get(answer.id)?.resolve(answer);
      waiting.delete(answer.id);
    }
  });
  child.stderr.on('data', (data) => (said += data));
  const ended = new Promise((resolve) => child.on('close', resolve));
  ended.then(() => {
    for (const { reject } of waiting.values()) reject(new Error(`the reader ended: ${said}`));
  });
  child.stdin.on('error', () => {});
  atEnd(async () => {
    child.stdin.end();
    child.kill();
    await ended;
  });
  const ask = (of) =>
    new Promise((resolve, reject) => {
      const id = (asked += 1);
      waiting.set(id, { resolve, reject });
      child.stdin.write(JSON.stringify({ id, ...of }) + '\n');
    });
  return {
    site: (site, { root, secrets }) => ask({ op: 'site', site, root, secrets }),
    token: (site, name, token) => ask({ op: 'token', site, name, token }),
    forget: (site, names) => ask({ op: 'forget', site, names }),
    /** Reads what stands at a place; `file` fetches what is named by its digest. */
    async read(site, { stamp, keyring, at = Date.now(), verify = [], whole = [] }, file) {
      const of = { op: 'read', site, stamp: coded(stamp), keyring: coded(keyring), at_ms: at, verify, whole };
      let files = [];
      // A head, then its bodies.
      for (let round = 0; round < 3; round++) {
        const answer = await ask({ ...of, files });
        if (!answer.lacks) return answer;
        const fetched = await Promise.all(answer.lacks.map(async (name) => [name, await file(name)]));
        const missing = fetched.filter(([, bytes]) => bytes === undefined).map(([name]) => name);
        if (missing.length > 0) return { missing };
        files = fetched.map(([, bytes]) => coded(bytes));
      }
      return { refused: 'files that do not have the digests that name them' };
    },
  };
}
