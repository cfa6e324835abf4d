// A shop's traffic: a load balancer in front of its processes, and clients that send requests all the time.

import { createServer, request } from 'node:http';

import { atEnd } from '../e2e/support/processes.mjs';

/** Sends each request to one of `ports`, in turn. */
export async function balancer() {
  let ports = [];
  let next = 0;
  const server = createServer((incoming, outgoing) => {
    next += 1;
    const { method, url, headers } = incoming;
    const onward = request({ host: '127.0.0.1', port: ports[next % ports.length], method, path: url, headers, agent: false }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', (error) => outgoing.writeHead(502).end(error.message));
    incoming.pipe(onward);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, to: (all) => (ports = all) };
}

/** Clients, each with one key, that ask until they are stopped. What went wrong is in `failures`. */
export function traffic(url, pause = 40) {
  const clients = [];
  const counts = {};
  const failures = [];
  let phase = 'at the beginning';
  const add = (name, ask) => {
    const client = { name, ask, goesOn: true };
    client.done = (async () => {
      while (client.goesOn) {
        const problem = await ask(url).catch((error) => error.message);
        counts[name] = (counts[name] ?? 0) + 1;
        if (problem !== undefined) failures.push(`${name}, ${phase}: ${problem}`);
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    })();
    clients.push(client);
  };
  const end = async (which = () => true) => {
    const ending = clients.filter((client) => client.goesOn && which(client.name));
    for (const client of ending) client.goesOn = false;
    await Promise.all(ending.map(({ done }) => done));
  };
  atEnd(() => end());
  return { add, end, counts, failures, phase: (name) => (phase = name) };
}

/** A storefront that must see exactly `titles`. */
export const storefront = (token, titles) => async (url) => {
  const response = await fetch(`${url}/store/products?fields=title`, { headers: { 'x-publishable-api-key': token } });
  const text = await response.text();
  if (response.status !== 200) return `${response.status} ${text}`;
  const seen = JSON.parse(text).products.map(({ title }) => title);
  return seen.join() === titles.join() ? undefined : `sees ${seen.join()}`;
};

/** A storefront where a customer begins to shop, in the sales channel that the key has. */
export const shopper = (token, { region, channel }) => async (url) => {
  const headers = { 'x-publishable-api-key': token, 'content-type': 'application/json' };
  const response = await fetch(`${url}/store/carts`, { method: 'POST', headers, body: JSON.stringify({ region_id: region }) });
  const text = await response.text();
  if (response.status !== 200) return `${response.status} ${text}`;
  const { sales_channel_id } = JSON.parse(text).cart;
  return sales_channel_id === channel ? undefined : `shops in ${sales_channel_id}`;
};

/** An admin client. */
export const admin = (token, path = '/admin/sales-channels?fields=name') => async (url) => {
  const response = await fetch(url + path, { headers: { authorization: `Basic ${token}` } });
  const text = await response.text();
  return response.status === 200 ? undefined : `${response.status} ${text}`;
};
