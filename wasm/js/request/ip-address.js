// Parses an IP address to its 4 or 16 bytes. Accepts the text forms of RFC 4291, section 2.2, and
// no others.

const OCTET = '(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
const IPV4 = new RegExp(`^${OCTET}\\.${OCTET}\\.${OCTET}\\.${OCTET}$`);
const LONGEST = 45;

// `undefined` if `text` is no address.
export function addressBytes(text) {
  if (typeof text !== 'string' || text.length > LONGEST) return undefined;
  return ipv4(text) ?? ipv6(text);
}

function ipv4(text) {
  const octets = IPV4.exec(text);
  return octets ? Uint8Array.from(octets.slice(1), Number) : undefined;
}

function ipv6(text) {
  const [before, after, more] = text.split('::');
  if (more !== undefined) return undefined;
  const front = groups(before, after === undefined);
  const back = after === undefined ? [] : groups(after, true);
  if (front === undefined || back === undefined) return undefined;
  // `::` replaces at least one group.
  const missing = 8 - front.length - back.length;
  if (after === undefined ? missing !== 0 : missing < 1) return undefined;
  const all = [...front, ...new Array(missing).fill(0), ...back];
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

// The 16-bit groups of one side of `::`. The last two groups of the address may be written as an
// IPv4 address.
function groups(side, isLast) {
  if (side === '') return [];
  const found = [];
  const texts = side.split(':');
  for (const [at, text] of texts.entries()) {
    const octets = isLast && at === texts.length - 1 ? ipv4(text) : undefined;
    if (octets) found.push((octets[0] << 8) | octets[1], (octets[2] << 8) | octets[3]);
    else if (/^[0-9A-Fa-f]{1,4}$/.test(text)) found.push(Number.parseInt(text, 16));
    else return undefined;
  }
  return found;
}
