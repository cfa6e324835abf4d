// HTTP/1.1 messages as bytes, read as strictly as a test needs: the fields keep their order, their case
// and their number, and nothing is decoded.

const END = Buffer.from('\r\n\r\n');
const LINE = Buffer.from('\r\n');

/** A message's head: its start line, its fields as pairs, and where its body begins; none while it is incomplete. */
export function readHead(bytes) {
  const end = bytes.indexOf(END);
  if (end < 0) return undefined;
  const [start, ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    // Blanks and tabs alone are no part of a value (RFC 9110, section 5.5).
    return [line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')];
  });
  return { start, headers, length: end + END.length };
}

/** The values of a field, by its name in any case. */
export function valuesOf(headers, name) {
  return headers.filter(([known]) => known.toLowerCase() === name).map(([, value]) => value);
}

/**
 * The body that begins at `from`: its bytes and where it ends; none while it is incomplete. `closed` says that
 * nothing more comes, `without` that this message has no body whatever its fields say, and `toEnd` that a body
 * of no stated length goes on to the end of the connection.
 */
export function readBody(bytes, from, headers, { closed = false, without = false, toEnd = false } = {}) {
  if (without) return { body: Buffer.alloc(0), end: from };
  if (valuesOf(headers, 'transfer-encoding').some((value) => /chunked/i.test(value))) return readChunks(bytes, from);
  const [stated] = valuesOf(headers, 'content-length');
  if (stated !== undefined) {
    const end = from + Number(stated);
    return bytes.length < end ? undefined : { body: bytes.subarray(from, end), end };
  }
  if (!toEnd) return { body: Buffer.alloc(0), end: from };
  return closed ? { body: bytes.subarray(from), end: bytes.length } : undefined;
}

function readChunks(bytes, from) {
  const chunks = [];
  let at = from;
  for (;;) {
    const end = bytes.indexOf(LINE, at);
    if (end < 0) return undefined;
    const size = Number.parseInt(bytes.subarray(at, end).toString('latin1'), 16);
    if (!Number.isInteger(size)) throw new Error(`no size of a chunk: ${bytes.subarray(at, end).toString('latin1')}`);
    at = end + LINE.length;
    if (size === 0) break;
    if (bytes.length < at + size + LINE.length) return undefined;
    chunks.push(bytes.subarray(at, at + size));
    at += size + LINE.length;
  }
  // Trailer fields, if any, and the empty line.
  for (;;) {
    const end = bytes.indexOf(LINE, at);
    if (end < 0) return undefined;
    const empty = end === at;
    at = end + LINE.length;
    if (empty) return { body: Buffer.concat(chunks), end: at };
  }
}
