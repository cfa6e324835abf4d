// From the answer to `revoke` until the gate refuses the key, under load: real issuer, real workerd, loopback.
// The revocations come at random times and overlap; each key is asked for again and again.

import { Agent } from 'node:http';
import { ask, bearer, pause, quick, serving, status, until } from './serving.mjs';

const [program, workerd, folder] = process.argv.slice(2);
// Over how many seconds so many keys are revoked, and every how many milliseconds each is asked for.
const RUNS = quick
  ? [{ freshFor: 1, trials: 40, seconds: 4, every: 10 }, { freshFor: 5, trials: 20, seconds: 5, every: 25 }]
  : [{ freshFor: 1, trials: 200, seconds: 20, every: 10 }, { freshFor: 5, trials: 200, seconds: 30, every: 25 }];
const LANES = 4;
const GOOD = 500;

await serving(folder, async (place) => {
  const [issuer, origin] = [await place.issuer(program), await place.origin()];
  const results = { samples: {}, facts: {} };
  for (const run of RUNS) await measure(place, issuer, origin, run, results);
  return results;
});

async function measure(place, issuer, origin, { freshFor, trials, seconds, every }, { samples, facts }) {
  const settings = place.settings(issuer, origin, { FRESH_FOR: String(freshFor) });
  const gate = await place.worker(workerd, place.gate(`fresh-for-${freshFor}`), settings);
  const agent = new Agent({ keepAlive: true });
  const good = issuer.keys(GOOD).map(({ token }) => token);
  const doomed = issuer.keys(trials);
  const statusOf = async (token) => {
    const { status: code, text } = await ask(`${gate.base}/`, { headers: bearer(token), agent });
    if (code !== 200 && code !== 401) throw new Error(`the gate answered ${code}: ${text}`);
    return code;
  };
  await until('the gate is open', async () => (await statusOf(good[0])) === 200);
  const load = await place.load(gate, good, LANES);
  await until('the load runs', () => load.now.passed > 1000);

  const trial = async ({ id, token }) => {
    // The moment of a revocation must not depend on when the gate fetches.
    await pause(Math.random() * seconds * 1000);
    if ((await statusOf(token)) !== 200) throw new Error('a good key was refused');
    const { bounds } = await status(gate, issuer.admin, agent);
    await issuer.api('POST', `/v1/keys/${id}/revoke`, {});
    const answered = process.hrtime.bigint();
    const since = () => Number(process.hrtime.bigint() - answered);
    while ((await statusOf(token)) !== 401) {
      if (since() > 60e9) throw new Error('a revoked key goes on passing');
      await pause(every);
    }
    return { took: since(), bound: bounds.soft_ms * 1e6, token };
  };
  const from = process.hrtime.bigint();
  const before = load.now.passed;
  const done = await Promise.all(doomed.map(trial));
  const rate = ((load.now.passed - before) * 1e9) / Number(process.hrtime.bigint() - from);
  for (const { token } of done) if ((await statusOf(token)) !== 401) throw new Error('a refused key passes again');
  const { refused, other, broken } = load.now;
  if (refused + other + broken > 0) throw new Error(`good keys were answered otherwise: ${JSON.stringify(load.now)}`);
  await Promise.all([load.stop(), gate.stop()]);
  agent.destroy();

  const name = `revoked to refused, FRESH_FOR ${freshFor} s`;
  samples[name] = done.map(({ took }) => took);
  samples[`${name}, printed bound`] = done.map(({ bound }) => bound);
  facts[`${name}, late`] = done.filter(({ took, bound }) => took > bound).length;
  facts[`${name}, load, requests a second`] = Math.round(rate);
}
