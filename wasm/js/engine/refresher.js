// Keeps a verifier's list current: decides when to refresh, and which calls wait for the refresh
// and for how long. The bounds are the gate's and compare signed time only. (A keyring carries no
// signing time, so assertion/keyring.js measures its age from the last fetch.)
//
//   age of the list       authenticate            refresh
//   up to freshFor / 2    returns at once         none
//   up to freshFor        returns at once         starts in the background
//   up to nextUpdate      waits, then goes on     starts, awaited for `deadline`
//   none, or past that    waits, then refuses     starts, awaited for `coldDeadline`
//
// Only one refresh runs at a time, under a lease. workerd cancels a promise together with the
// request that created it, so there each waiter uses its own timer and polls plain state. After a
// refresh that failed or left the list too old, no call waits and none starts a refresh until a
// pause is over.

import { platform } from '../shared/platform.js';

const LEASE_MS = 6_000;
const POLL_MS = 10;

export class Refresher {
  #engine;
  #update;
  #bounds;
  #running;
  #lease = { from: 0, until: 0 };
  #ended = 0;
  #fetching = false;
  #failures = 0;
  #pause = { from: 0, until: 0 };
  // Per reason (a refusal code): the span in which no further refresh is started for it.
  #refreshedFor = new Map();
  lastError = null;

  constructor(engine, update, bounds) {
    this.#engine = engine;
    this.#update = update;
    this.#bounds = bounds;
  }

  // An explicit refresh: starts one, or joins the one that is running.
  run(clock) {
    if (platform.sharesPromises && this.#running !== undefined) return this.#running;
    return this.#start(clock);
  }

  // Called after a verification with a list of this age. Starts a refresh in the background if it
  // is due.
  refreshInBackground(ageMs, clock) {
    const early = ageMs !== null && ageMs < this.#bounds.freshFor / 2;
    if (early || !platform.sharesPromises || !this.#mayStart(clock())) return;
    this.#start(clock).catch(ignore);
  }

  // Called before a verification: starts a refresh if one is due, and waits as the table says.
  // `waitUntil` keeps the refresh alive after the response was sent.
  async refreshIfDue(clock, waitUntil) {
    const now = clock();
    const { freshFor, deadline, coldDeadline } = this.#bounds;
    const { freshness, ageMs } = this.#engine.status(now, freshFor).list;
    const closed = freshness === 'unknown';
    if (!closed && ageMs < freshFor / 2) return;
    const started = this.#mayStart(now) ? this.#start(clock) : undefined;
    if (started !== undefined) {
      const out = started.catch(ignore);
      waitUntil?.(out);
    }
    if (freshness === 'fresh') return;
    if (started === undefined && !isWithin(this.#lease, now)) return;
    await this.#wait(closed ? coldDeadline : deadline, started);
  }

  // An extra refresh for a key that the list or keyring may be too old to know. At most one per
  // `freshFor` and reason, so that a stream of unknown keys can't flood the issuer with requests.
  // Resolves to whether verifying again may help.
  async refreshFor(reason, clock) {
    const now = clock();
    if (isWithin(this.#lease, now)) {
      await this.#wait(this.#bounds.deadline);
      return true;
    }
    const spent = this.#refreshedFor.get(reason);
    if (isWithin(this.#pause, now) || (spent !== undefined && isWithin(spent, now))) return false;
    this.#refreshedFor.set(reason, { from: now, until: now + this.#bounds.freshFor });
    await this.#wait(this.#bounds.deadline, this.#start(clock, reason === 'unknown_kid'));
    return true;
  }

  // Records a policy that was not held. It is fetched with the next refresh; if a clock is given,
  // in the background at once.
  policyMissing(policy, clock) {
    this.#update.miss(policy);
    if (clock !== undefined && platform.sharesPromises && !this.#fetching) {
      this.#fetching = true;
      this.#update.fetchMissed(clock).catch(ignore).finally(() => {
        this.#fetching = false;
      });
    }
  }

  // Fetches one policy. Resolves to true if looking it up again may succeed.
  async fetchPolicy(policy, clock) {
    const fetched = this.#update.policy(policy, clock).catch((error) => {
      this.lastError = error;
      return false;
    });
    return (await race(fetched, this.#bounds.coldDeadline)) === true;
  }

  // Milliseconds until the next refresh may start.
  pauseLeft(now) {
    return isWithin(this.#pause, now) ? this.#pause.until - now : 0;
  }

  #mayStart(now) {
    return !isWithin(this.#lease, now) && !isWithin(this.#pause, now);
  }

  #start(clock, keyring) {
    const from = clock();
    const lease = { from, until: from + LEASE_MS };
    this.#lease = lease;
    const run = this.#update.run(clock, keyring).then(
      () => this.#end(lease, clock, null),
      (error) => {
        this.#end(lease, clock, error);
        throw error;
      },
    );
    const out = run.finally(() => {
      if (this.#running === out) this.#running = undefined;
    });
    this.#running = out;
    return out;
  }

  #end(lease, clock, error) {
    // If our lease ran out, another refresh took it over: leave its state alone.
    if (this.#lease !== lease) return;
    this.#lease = { from: 0, until: 0 };
    this.#ended += 1;
    this.lastError = error;
    this.#failures = error === null ? 0 : this.#failures + 1;
    const now = clock();
    const { ageMs, freshness } = this.#engine.status(now, 0).list;
    const young = freshness !== 'unknown' && ageMs < this.#bounds.freshFor / 2;
    const millis = error === null && young ? 0 : this.#backOff();
    this.#pause = { from: now, until: now + millis };
  }

  // Exponential back-off: starts at an eighth of the longest pause and doubles with each failure up
  // to that; half of the result is random.
  #backOff() {
    const longest = (this.#bounds.longestPause / 8) * 2 ** Math.min(3, Math.max(0, this.#failures - 1));
    return longest / 2 + (longest / 2) * Math.random();
  }

  async #wait(atMost, started) {
    const out = started ?? (platform.sharesPromises ? this.#running : undefined);
    if (out !== undefined) {
      await race(out.catch(ignore), atMost);
      // Without a shared promise, poll for the end of the refresh.
      return;
    }
    const ended = this.#ended;
    const until = Date.now() + atMost;
    while (this.#ended === ended && Date.now() < until) await sleep(POLL_MS);
  }
}

// If the clock was set back, the span counts as over instead of lasting longer.
function isWithin({ from, until }, now) {
  return now >= from && now < until;
}

function race(promise, atMost) {
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, atMost);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function sleep(millis) {
  return new Promise((resolve) => {
    setTimeout(resolve, millis);
  });
}

function ignore() {}
