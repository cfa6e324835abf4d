// What a case leaves open: the keys' texts, which are made anew for each run, and bodies that are too long to be
// written down.

const BODY = 'The quick brown fox jumps over the lazy dog, and every dog has its day. ';

/** So many bytes of text, the same each time. */
export const long = (length) => BODY.repeat(Math.ceil(length / BODY.length)).slice(0, length);

const base64 = (text) => Buffer.from(text).toString('base64');

const WAYS = {
  /** As the user's name of `Basic`, with an empty password. */
  basic: (key) => base64(`${key.token}:`),
  /** The same without the colon. */
  base64: (key) => base64(key.token),
  /** In the alphabet of URLs, without padding. */
  base64url: (key) => Buffer.from(key.token).toString('base64url'),
  unpadded: (key) => base64(`${key.token}:`).replace(/=+$/, ''),
  /** As the user's name of `Basic`, with a password. */
  user: (key) => base64(`${key.token}:password`),
  /** As the password of `Basic`. */
  password: (key) => base64(`user:${key.token}`),
  /** With its signs percent-encoded, as a query may have it. */
  url: (key) => key.token.replaceAll('_', '%5F'),
  upper: (key) => key.token.toUpperCase(),
  /** With its last sign changed, so that its checksum is wrong. */
  broken: (key) => key.token.slice(0, -1) + (key.token.endsWith('0') ? '1' : '0'),
  name: (key) => key.id,
  policy: (key) => String(key.policy),
  owner: (key) => String(key.owner),
};

/** Fills in `{{…}}`; `known` holds the keys by name in `keys`, and texts in `texts`. */
export function filled(text, known) {
  return text.replace(/\{\{([a-z0-9:-]+)\}\}/g, (whole, what) => {
    const [way, name, more] = what.split(':');
    if (way === 'long') return long(Number(name));
    if (way === 'chunks') return chunks(long(Number(name)), Number(more));
    if (name === undefined && way in known.texts) return known.texts[way];
    const key = known.keys[name ?? way];
    if (!key || (name !== undefined && !(way in WAYS))) throw new Error(`nothing is known of ${whole}`);
    return name === undefined ? key.token : WAYS[way](key);
  });
}

/** The same in every text of a value. */
export function filledIn(value, known) {
  if (typeof value === 'string') return filled(value, known);
  if (Array.isArray(value)) return value.map((item) => filledIn(item, known));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, filledIn(item, known)]));
}

function chunks(text, size) {
  let all = '';
  for (let at = 0; at < text.length; at += size) {
    const chunk = text.slice(at, at + size);
    all += `${chunk.length.toString(16)}\r\n${chunk}\r\n`;
  }
  return `${all}0\r\n\r\n`;
}
