// Reads the gate's header `portcullis` with a general parser of structured fields (RFC 9651).

import { parseDictionary } from 'structured-headers';

/** The members of the header `portcullis` as texts, numbers and lists; `undefined` if it is missing. */
export function identityOf(headers) {
  if (headers.portcullis === undefined) return undefined;
  const members = [...parseDictionary(headers.portcullis)];
  return Object.fromEntries(members.map(([key, [value]]) => [key, plain(value)]));
}

function plain(value) {
  if (Array.isArray(value)) return value.map(([item]) => plain(item));
  return typeof value === 'number' ? value : String(value);
}
