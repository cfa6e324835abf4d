// Where a request carries its key: `Authorization` (Bearer, or Basic with the key as user and no
// password), `X-API-Key` or `x-publishable-api-key`.

const KEY = /^(?:[a-z][a-z0-9]{0,15}_)?[sp]k_(?:live|test)_/;
const PROBLEMS = {
  no_key: 'the request carries no API key',
  malformed_authorization: 'the Authorization header is not `Bearer` and one API key',
  empty_api_key_header: 'a header for API keys is empty',
  two_keys: 'the request carries two different API keys; send one',
};

// `{ token, kind }`, or `{ code, message }` where no key can be read. A header that was sent twice
// comes as one value with a comma, and no key holds one: equal keys count as one.
export function readCredential(headers) {
  const get = reader(headers);
  const publishable = keysIn(get('x-publishable-api-key'));
  const others = [keysIn(get('x-api-key')), authorization(get('authorization'), publishable !== undefined)];
  const found = [publishable, ...others].filter((keys) => keys !== undefined);
  const keys = [];
  for (const one of found) {
    if (typeof one === 'string') return problem(one);
    keys.push(...one);
  }
  if (keys.length === 0) return noKey();
  if (keys.some((key) => key !== keys[0])) return problem('two_keys');
  // That header's name says of which kind the key must be.
  return { token: keys[0], kind: publishable === undefined ? undefined : 'publishable' };
}

export function noKey() {
  return problem('no_key');
}

function problem(code) {
  return { code, message: PROBLEMS[code] };
}

// `Headers`, or an object with names in lower case, as Node has it.
function reader(headers) {
  if (typeof headers?.get === 'function') return (name) => headers.get(name) ?? undefined;
  return (name) => {
    const value = Object.hasOwn(headers ?? {}, name) ? headers[name] : undefined;
    return Array.isArray(value) ? value.join(',') : value;
  };
}

function keysIn(value) {
  if (value === undefined) return undefined;
  const keys = String(value).split(',').map((key) => key.trim());
  return keys.includes('') ? 'empty_api_key_header' : keys;
}

// Another scheme is none of ours, nor is another's token beside a publishable key: a shop's page
// sends its customer's that way.
function authorization(value, hasPublishable) {
  if (value === undefined) return undefined;
  const parts = String(value).split(',').map((part) => part.trim());
  if (parts.some((part) => /^bearer(?:[ \t]|$)/i.test(part))) {
    const tokens = parts.map((part) => /^bearer[ \t]+(\S+)$/i.exec(part)?.[1]);
    if (tokens.includes(undefined)) return 'malformed_authorization';
    return hasPublishable && !tokens.some((token) => KEY.test(token)) ? undefined : tokens;
  }
  const user = parts.length === 1 ? basicUser(parts[0]) : undefined;
  return user === undefined ? undefined : [user];
}

// The user of `Basic`, where it is a key and there is no password; Medusa's clients also send the
// key as it is.
function basicUser(value) {
  const credentials = /^basic[ \t]+(\S+)$/i.exec(value)?.[1];
  if (credentials === undefined) return undefined;
  if (KEY.test(credentials)) return credentials;
  let text;
  try {
    text = atob(credentials);
  } catch {
    return undefined;
  }
  const user = text.endsWith(':') ? text.slice(0, -1) : text;
  return KEY.test(user) && !user.includes(':') ? user : undefined;
}
