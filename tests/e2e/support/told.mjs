// What an origin is told of its caller, as any reader of structured fields (RFC 9651) finds it.

import { parseDictionary } from 'structured-headers';

/** The members of the header `portcullis` as texts, numbers and lists; `undefined` where there is none. */
export function told(headers) {
  if (headers.portcullis === undefined) return undefined;
  const members = [...parseDictionary(headers.portcullis)];
  return Object.fromEntries(members.map(([key, [value]]) => [key, plain(value)]));
}

function plain(value) {
  if (Array.isArray(value)) return value.map(([item]) => plain(item));
  return typeof value === 'number' ? value : String(value);
}
