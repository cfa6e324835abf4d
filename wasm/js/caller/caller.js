// Reads the headers by which the gate tells its origin about the caller (docs/gate.md, "What the
// origin gets"). Accepts exactly what the gate writes (crates/gate/src/identity.rs), although
// structured fields allow more: another order or spelling did not come from the gate.

import { reader } from '../request/credential.js';
import { property } from '../shared/property.js';

export { covers } from '../shared/scope.js';

const HEADER = 'portcullis';
const PARTS = ['key', 'issuer', 'kind', 'environment', 'list', 'freshness', 'owner', 'policy', 'scopes', 'sales-channels'];
// The separators in a list that has a header of its own.
const BETWEEN = { scopes: ' ', 'sales-channels': ',' };

const NUMBER = '[1-9][0-9]{0,15}';
const SEGMENT = '(?:\\*|[a-z0-9_.-]+)';
const SCOPE = `"${SEGMENT}(?::${SEGMENT})*"`;
const CHANNEL = '"[A-Za-z0-9_-]{1,64}"';
const LINE = new RegExp(
  '^key=(apk_[0-9A-Za-z]{22}), issuer=(iss_[0-9A-Za-z]{22}), kind=(secret|publishable), environment=(live|test)'
  + `, list=(0|${NUMBER}), freshness=(fresh|stale)(?:, owner=(${NUMBER}))?`
  // Without a policy, nothing is granted.
  + `(?:, policy=(${NUMBER})(?:, scopes=\\((${SCOPE}(?: ${SCOPE})*)\\))?(?:, sales-channels=\\((${CHANNEL}(?: ${CHANNEL})*)\\))?)?$`,
);
// 2^64 - 1 in base62. Its digits sort in the order of their character codes.
const LARGEST_CHUNK = 'LygHa16AHYF';
const LARGEST_NUMBER = 2 ** 32 - 1;
const LONGEST_SCOPE = 255;

export function readCaller(input) {
  try {
    const line = lineOf(input);
    return line === undefined ? undefined : callerOf(LINE.exec(line));
  } catch {
    // If reading the headers throws, there are none.
    return undefined;
  }
}

function callerOf(match) {
  if (match === null) return undefined;
  const [, name, issuer, kind, environment, listed, freshness, owned, ruled, granted, sold] = match;
  const [number, owner, policy] = [listed, owned, ruled].map((digits) => (digits === undefined ? null : Number(digits)));
  const [scopes, salesChannels] = [granted, sold].map((texts) => texts?.slice(1, -1).split('" "') ?? []);
  const good = isId(name) && isId(issuer) && Number.isSafeInteger(number) && owner <= LARGEST_NUMBER && policy <= LARGEST_NUMBER
    && scopes.every((scope) => scope.length <= LONGEST_SCOPE) && ascends(scopes) && ascends(salesChannels);
  return good
    ? { key: { name, issuer, kind, environment, owner, policy }, grant: { scopes, salesChannels }, list: { number, freshness } }
    : undefined;
}

// After the prefix: 128 bits, as two chunks of 64.
function isId(text) {
  return text.slice(4, 15) <= LARGEST_CHUNK && text.slice(15) <= LARGEST_CHUNK;
}

function ascends(texts) {
  return texts.every((text, at) => at === 0 || texts[at - 1] < text);
}

// The header's value, of a string, of headers, or of an object that has headers; `undefined` if
// there is none.
function lineOf(input) {
  if (typeof input === 'string') return input;
  const headers = property(input, 'headers');
  const get = reader(typeof headers === 'object' && headers !== null ? headers : input);
  const parts = PARTS.map((part) => [part, get(`${HEADER}-${part}`)]).filter(([, value]) => value !== undefined);
  const line = get(HEADER);
  // The gate sends the one header or the separate ones, never both.
  if (line !== undefined) return parts.length === 0 ? line : undefined;
  return parts.map(member).join(', ');
}

// A separate header, written as a member of the one header's dictionary.
function member([part, value]) {
  const between = BETWEEN[part];
  const foreign = between === undefined ? /\W/ : /"/;
  if (foreign.test(value)) throw new TypeError(part);
  return between === undefined ? `${part}=${value}` : `${part}=("${value.split(between).join('" "')}")`;
}
