// A WebSocket's frames (RFC 6455), as far as a test needs them: short texts and closes.

import { createHash } from 'node:crypto';
import { request } from 'node:http';

import { listen } from './http.mjs';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const TEXT = 1;
const CLOSE = 8;

function frame(opcode, payload, masked) {
  const head = Buffer.from([0x80 | opcode, (masked ? 0x80 : 0) | payload.length]);
  // A mask of zeros is a mask.
  return Buffer.concat([head, ...(masked ? [Buffer.alloc(4)] : []), payload]);
}

/** Calls `hear(opcode, payload)` for each frame that comes. */
function frames(socket, hear) {
  let rest = Buffer.alloc(0);
  socket.on('data', (data) => {
    rest = Buffer.concat([rest, data]);
    for (;;) {
      if (rest.length < 2) return;
      const masked = rest[1] >= 0x80;
      const length = rest[1] & 0x7f;
      const start = 2 + (masked ? 4 : 0);
      if (rest.length < start + length) return;
      const payload = Buffer.from(rest.subarray(start, start + length));
      if (masked) payload.forEach((byte, at) => (payload[at] = byte ^ rest[2 + (at % 4)]));
      hear(rest[0] & 0x0f, payload);
      rest = rest.subarray(start + length);
    }
  });
  socket.on('error', () => {});
}

/** An origin that says back whatever a WebSocket says; `origin.upgrades` are the requests' headers. */
export async function startEcho() {
  const origin = await listen((_, outgoing) => outgoing.end());
  origin.upgrades = [];
  origin.server.on('upgrade', (incoming, socket) => {
    origin.upgrades.push(incoming.headers);
    const accept = createHash('sha1').update(incoming.headers['sec-websocket-key'] + GUID).digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    frames(socket, (opcode, payload) => {
      socket.write(frame(opcode, payload, false));
      if (opcode === CLOSE) socket.end();
    });
  });
  return origin;
}

/** Opens a WebSocket; gives its status, and where that is 101, the way to use it. */
export function open(url, headers) {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      headers: {
        ...headers,
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': Buffer.alloc(16, 7).toString('base64'),
      },
    });
    outgoing.on('response', (response) => {
      response.resume();
      resolve({ status: response.statusCode });
    });
    outgoing.on('upgrade', (response, socket) => {
      const opened = { status: response.statusCode, heard: [], closed: undefined };
      opened.say = (text) => socket.write(frame(TEXT, Buffer.from(text), true));
      opened.end = () => socket.destroy();
      frames(socket, (opcode, payload) => {
        if (opcode === TEXT) opened.heard.push(payload.toString());
        if (opcode === CLOSE) opened.closed = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
      });
      resolve(opened);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
