// A sample origin: answers every request with what reached it. `node origin.mjs --port 7303`

import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { port: { type: 'string', default: '7303' } } });

createServer((incoming, outgoing) => {
  incoming.resume().on('end', () => {
    const { method, url, headers } = incoming;
    outgoing.setHeader('content-type', 'application/json');
    outgoing.end(JSON.stringify({ message: 'this is the origin', method, url, headers }, null, 2) + '\n');
  });
}).listen(Number(values.port), '127.0.0.1');
