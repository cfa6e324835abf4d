#!/usr/bin/env node
// Writes docs/npm-api.md from the package's types: node wasm/api.mjs
// test/api.test.mjs fails if the page differs from this script's output.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SHARED } from './bindgen/types.mjs';

const PAGES = {
  'portcullis': 'index.d.ts',
  'portcullis/fetch': 'types/fetch.d.ts',
  'portcullis/hono': 'types/hono.d.ts',
  'portcullis/express': 'types/express.d.ts',
  'portcullis/fastify': 'types/fastify.d.ts',
  'portcullis/next': 'types/next.d.ts',
  'options of every middleware': 'types/guard.d.ts',
  'portcullis/caller': 'types/caller.d.ts',
  'portcullis/assertion': 'types/assertion.d.ts',
  'portcullis/status-list': 'types/status-list.d.ts',
  'portcullis/issuer': ['issuer', 'issuer-call', 'issuer-keys', 'issuer-records', 'issuer-events'].map((name) => `types/${name}.d.ts`),
  'portcullis/medusa': 'types/medusa.d.ts',
  'portcullis/pure': 'types/pure.d.ts',
  'portcullis/auto': 'types/auto.d.ts',
  'portcullis/slim': 'types/slim.d.ts',
  'portcullis/bindgen': 'types/bindgen.d.ts',
};
const DECLARATION = /^(?:\/\*\*((?:(?!\*\/)[^])*)\*\/\n)?(export (?:declare )?(?:interface|type|class|function|const) (\w+)[^]*?)\n(?=\n|$)/gm;

const here = (name) => new URL(name, import.meta.url);
export const FILE = here('../docs/npm-api.md');
const SCHEMAS = JSON.parse(readFileSync(here('../docs/openapi.json'), 'utf8')).components.schemas;

// A doc comment as prose.
function prose(comment) {
  const lines = comment.split('\n').map((line) => line.replace(/^\s*\*? ?/, ''));
  return lines.join('\n').trim().replace(/\{@link ([\w.]+)\}/g, '`$1`').replace(/^@throws (\w+) (.*)/gm, 'Throws `$1` $2');
}

// The fields of the schemas in docs/openapi.json, which the client's types only name.
function fields(code) {
  const named = new Set([...code.matchAll(/\bApi\['(\w+)'\]/g)].map(([, name]) => name));
  return [...named].flatMap((name) => {
    const properties = Object.entries(SCHEMAS[name].properties ?? {});
    const lines = properties.map(([field, { description }]) => `- \`${field}\`${description === undefined ? '' : `: ${description}`}`);
    return lines.length > 0 ? [`\`${name}\` has\n\n${lines.join('\n')}`] : [];
  });
}

function section([name, files]) {
  const text = [files].flat().map((file) => readFileSync(here(file), 'utf8')).join('\n');
  const [, about] = /^\/\*\*((?:(?!\*\/)[^])*)\*\/\n(?:\n|export \*)/.exec(text) ?? [];
  const parts = [`## ${name.includes('/') || name === 'portcullis' ? `\`${name}\`` : name}`];
  if (about !== undefined) parts.push(prose(about));
  for (const [, comment, code, declared] of text.matchAll(DECLARATION)) {
    if (name === 'portcullis/bindgen' && SHARED.includes(declared)) continue;
    parts.push(`### ${declared}`);
    if (comment !== undefined) parts.push(prose(comment));
    parts.push(`\`\`\`ts\n${code}\n\`\`\``, ...fields(code));
  }
  return parts.join('\n\n');
}

export function page() {
  const head = '# The npm package\'s API\n\nMade from its types by `node wasm/api.mjs`. All instants are milliseconds since 1970, all durations milliseconds.';
  return `${[head, ...Object.entries(PAGES).map(section)].join('\n\n')}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(FILE, page());
