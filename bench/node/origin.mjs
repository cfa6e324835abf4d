// An origin that costs as little as one can: it parses nothing and answers every request alike.

import { createServer } from 'node:net';

const END = Buffer.from('\r\n\r\n');
const ANSWER = Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world\n');

const server = createServer((socket) => {
  socket.setNoDelay(true);
  socket.on('error', () => {});
  let rest = Buffer.alloc(0);
  socket.on('data', (data) => {
    rest = rest.length === 0 ? data : Buffer.concat([rest, data]);
    let answers = 0;
    for (let end; (end = rest.indexOf(END)) >= 0; answers += 1) rest = rest.subarray(end + END.length);
    for (; answers > 0; answers -= 1) socket.write(ANSWER);
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
