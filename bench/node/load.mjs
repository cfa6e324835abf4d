// Asks with one key after the other, over so many connections, each with one request in flight. Prints
// what was answered so far, ten times a second, as a line of JSON: by kind of answer, and how often a connection broke.

import { readFileSync } from 'node:fs';
import { connect } from 'node:net';

const [port, file, lanes] = process.argv.slice(2);
const tokens = readFileSync(file, 'utf8').split('\n');
const counts = { passed: 0, refused: 0, other: 0, broken: 0 };
const END = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('0\r\n\r\n');

let next = 0;
function following() {
  const token = tokens[next];
  next = (next + 1) % tokens.length;
  return (
    'GET /orders?page=2 HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n' +
    `User-Agent: bench\r\nAuthorization: Bearer ${token}\r\n\r\n`
  );
}

function lane() {
  const socket = connect(Number(port), '127.0.0.1');
  socket.setNoDelay(true);
  let rest = Buffer.alloc(0);
  socket.on('connect', () => socket.write(following()));
  socket.on('data', (data) => {
    rest = rest.length === 0 ? data : Buffer.concat([rest, data]);
    const end = rest.indexOf(END);
    if (end < 0) return;
    const head = rest.latin1Slice(0, end);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head);
    const isWhole = length
      ? rest.length >= end + END.length + Number(length[1])
      : rest.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK);
    if (!isWhole) return;
    rest = Buffer.alloc(0);
    const code = head.slice(9, 12);
    counts[code === '200' ? 'passed' : code === '401' ? 'refused' : 'other'] += 1;
    socket.write(following());
  });
  // A request that was under way is asked anew, with the key that is next.
  socket.on('error', () => {});
  socket.on('close', () => {
    counts.broken += 1;
    setTimeout(lane, 50);
  });
}

for (let at = 0; at < Number(lanes); at += 1) lane();
setInterval(() => console.log(JSON.stringify(counts)), 100);
