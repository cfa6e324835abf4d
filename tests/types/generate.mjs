// The types of the issuer's API, out of its description.

import { readFile } from 'node:fs/promises';
import openapiTS, { astToString } from 'openapi-typescript';

const DESCRIPTION = new URL('../../docs/openapi.json', import.meta.url);
const HEADER = '// Written from docs/openapi.json by tests/types; not to be edited.\n\n';

export const FILE = new URL('../../wasm/types/issuer-api.d.ts', import.meta.url);

/** The text of `wasm/types/issuer-api.d.ts`: the bodies that are sent and answered, without the addresses. */
export async function generate() {
  const { paths: _, ...description } = JSON.parse(await readFile(DESCRIPTION, 'utf8'));
  const ast = await openapiTS({ ...description, paths: {} }, { defaultNonNullable: false });
  return HEADER + astToString(ast);
}
