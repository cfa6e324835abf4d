// An origin in Express, with the router that Express has and the routes that the gate is told of.

import express from 'express';

import { listen, read } from '../../e2e/support/http.mjs';

/** A gate's pattern in Express' words: its routes are the ones that the gate protects. */
function routeOf(pattern) {
  let name = 0;
  return pattern
    .replace(/[:()]/g, (sign) => `\\${sign}`)
    .replace(/\/\*\*$/, () => `{/*rest}`)
    .replace(/\*(?!rest)/g, () => `:part${++name}`);
}

/**
 * Starts the origin; `hear` is told of each request. Methods are overridden as the middleware
 * `method-override` does it, but by every header of that kind and on every method, as other frameworks do.
 */
export async function startExpress(routes, hear) {
  const app = express();
  app.set('query parser', 'extended');
  app.use(async (request, response, next) => {
    const sent = request.method;
    const asked = ['x-http-method-override', 'x-http-method', 'x-method-override']
      .map((name) => request.headers[name])
      .find(Boolean);
    const wanted = asked ?? (sent === 'POST' && typeof request.query._method === 'string' && request.query._method);
    if (wanted) request.method = wanted.split(',')[0].trim().toUpperCase();
    request.whole = await read(request);
    next();
  });
  const tell = (request, handler) => {
    const { headers } = pairsOf(request);
    const [path] = request.url.split('?');
    const query = request.url.slice(path.length + 1);
    hear({ method: request.method, path, query, nested: request.query ?? {}, headers, body: request.whole, handler });
  };
  routes.forEach((route, at) => {
    const handler = (request, response) => {
      tell(request, at);
      response.type('text').send('ok\n');
    };
    const path = routeOf(route.path);
    if (route.methods.length === 0) app.all(path, handler);
    for (const method of route.methods) app[method.toLowerCase()](path, handler);
  });
  app.use((request, response) => {
    tell(request, undefined);
    response.status(404).type('text').send('no\n');
  });
  // Such as a parameter of the path that can't be decoded. Four arguments make this a handler of errors.
  app.use((error, request, response, next) => {
    if (response.headersSent) return next(error);
    tell(request, undefined);
    response.status(400).type('text').send('no\n');
  });
  const server = await listen(app);
  // An origin without WebSockets answers a handshake as any other request.
  server.server.on('upgrade', (request, socket) => {
    const [path] = request.url.split('?');
    const { headers } = pairsOf(request);
    const nested = app.get('query parser fn')(request.url.slice(path.length + 1));
    hear({
      method: request.method,
      path,
      query: request.url.slice(path.length + 1),
      nested,
      headers,
      body: Buffer.alloc(0),
      upgraded: true,
    });
    socket.end('HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\nContent-Length: 3\r\n\r\nno\n');
  });
  // Node holds a client that sends many fields to a limit, which is not what is tried here.
  server.server.maxHeadersCount = 0;
  return server.url;
}

function pairsOf({ rawHeaders }) {
  const headers = [];
  for (let at = 0; at < rawHeaders.length; at += 2) headers.push([rawHeaders[at], rawHeaders[at + 1]]);
  return { headers };
}
