// Ends what outlives the verdict that let it through. A body that is still being sent breaks off;
// a WebSocket is closed with a code of its own, so that its client presents its key again.

const MUST_ASK_AGAIN = 4401;
const REASON = 'present the key again';

export function endAfter(response, seconds) {
  if (response.webSocket) return withSocket(response, seconds * 1000);
  if (!response.body) return response;
  const { readable, writable } = new TransformStream();
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), seconds * 1000);
  response.body
    .pipeTo(writable, { signal: controller.signal })
    .catch(() => {})
    .finally(() => clearTimeout(timer));
  return new Response(readable, response);
}

function withSocket(response, millis) {
  const { 0: outer, 1: inner } = new WebSocketPair();
  const origin = response.webSocket;
  const sides = [inner, origin];
  const timer = setTimeout(() => sides.forEach((side) => close(side, MUST_ASK_AGAIN, REASON)), millis);
  sides.forEach((side, at) => {
    const other = sides[1 - at];
    side.accept();
    side.addEventListener('message', ({ data }) => {
      try {
        other.send(data);
      } catch {
        close(side, 1011, 'the other side is gone');
      }
    });
    side.addEventListener('close', ({ code, reason }) => {
      clearTimeout(timer);
      close(other, code, reason);
    });
    side.addEventListener('error', () => close(other, 1011, 'the other side is gone'));
  });
  return new Response(null, { status: 101, webSocket: outer, headers: response.headers });
}

function close(socket, code, reason) {
  // 1005 and 1006 say that no code came, and must not be sent.
  const sendable = code >= 1000 && ![1004, 1005, 1006, 1015].includes(code);
  try {
    if (sendable) socket.close(code, reason);
    else socket.close();
  } catch {
    // It is closed already.
  }
}
