// Keeps a verifier's list current: when to refresh, who waits for it and for how long. The bounds
// are the gate's, on signed time alone. (A keyring says only when it ends: held-keyring.js counts its
// age from the last fetch.)
//
//   age of the list    authenticate         a refresh
//   up to half         goes on              -
//   up to freshFor     goes on              goes out behind it
//   up to nextUpdate   waits, then goes on  goes out, is waited for `deadline`
//   none, or beyond    waits, then closed   goes out, is waited for `coldDeadline`
//
// One refresh is out at a time, under a lease: workerd cancels a promise with the request that made
// it, so there waiters keep timers of their own and look at plain state. After a refresh that did
// not help nobody waits and none goes out until a pause is over.

import { platform } from './platform.js';

const LEASE_MS = 6_000;
const LOOK_AGAIN_MS = 10;

export class Keeper {
  #engine;
  #update;
  #bounds;
  #underWay;
  #lease = { from: 0, until: 0 };
  #ended = 0;
  #fetching = false;
  #failures = 0;
  #pause = { from: 0, until: 0 };
  // When a doubt about a key may send out a refresh again.
  #settled = new Map();
  lastError = null;

  constructor(engine, update, bounds) {
    this.#engine = engine;
    this.#update = update;
    this.#bounds = bounds;
  }

  // The caller's own refresh, or the one that is out.
  run(clock) {
    if (platform.sharesPromises && this.#underWay !== undefined) return this.#underWay;
    return this.#start(clock);
  }

  // After a judgement by a list of this age: sends a refresh out behind it.
  behind(ageMs, clock) {
    const early = ageMs !== null && ageMs < this.#bounds.freshFor / 2;
    if (early || !platform.sharesPromises || !this.#mayStart(clock())) return;
    this.#start(clock).catch(ignore);
  }

  // Before a judgement: waits where the bounds say so. Behind the answer `waitUntil` keeps what is
  // out still alive.
  async current(clock, waitUntil) {
    const now = clock();
    const { freshFor, deadline, coldDeadline } = this.#bounds;
    const { standing, ageMs } = this.#engine.status(now, freshFor).list;
    const closed = standing === 'unknown';
    if (!closed && ageMs < freshFor / 2) return;
    const started = this.#mayStart(now) ? this.#start(clock) : undefined;
    if (started !== undefined) {
      const out = started.catch(ignore);
      waitUntil?.(out);
    }
    if (standing === 'fresh') return;
    if (started === undefined && !within(this.#lease, now)) return;
    await this.#wait(closed ? coldDeadline : deadline, started);
  }

  // A refresh out of turn, for a key that the list or keyring may be too old for: once per
  // `freshFor` and doubt, so that no stream of keys makes this hammer the issuer.
  async settle(doubt, clock) {
    const now = clock();
    if (within(this.#lease, now)) {
      await this.#wait(this.#bounds.deadline);
      return true;
    }
    const spent = this.#settled.get(doubt);
    if (within(this.#pause, now) || (spent !== undefined && within(spent, now))) return false;
    this.#settled.set(doubt, { from: now, until: now + this.#bounds.freshFor });
    await this.#wait(this.#bounds.deadline, this.#start(clock, doubt === 'unknown_kid'));
    return true;
  }

  // Of a policy that was looked for in vain: it comes with the next refresh, or with a clock at once
  // behind the answer.
  miss(policy, clock) {
    this.#update.miss(policy);
    if (clock !== undefined && platform.sharesPromises && !this.#fetching) {
      this.#fetching = true;
      this.#update.fetchMissed(clock).catch(ignore).finally(() => {
        this.#fetching = false;
      });
    }
  }

  // Fetches one policy; says whether it may be looked for again.
  async policy(policy, clock) {
    const fetched = this.#update.policy(policy, clock).catch((error) => {
      this.lastError = error;
      return false;
    });
    return (await race(fetched, this.#bounds.coldDeadline)) === true;
  }

  // How long until a refresh may go out again.
  pauseLeft(now) {
    return within(this.#pause, now) ? this.#pause.until - now : 0;
  }

  #mayStart(now) {
    return !within(this.#lease, now) && !within(this.#pause, now);
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
      if (this.#underWay === out) this.#underWay = undefined;
    });
    this.#underWay = out;
    return out;
  }

  #end(lease, clock, error) {
    // A lease that ran out was given to another.
    if (this.#lease !== lease) return;
    this.#lease = { from: 0, until: 0 };
    this.#ended += 1;
    this.lastError = error;
    this.#failures = error === null ? 0 : this.#failures + 1;
    const now = clock();
    const { ageMs, standing } = this.#engine.status(now, 0).list;
    const young = standing !== 'unknown' && ageMs < this.#bounds.freshFor / 2;
    const millis = error === null && young ? 0 : this.#backOff();
    this.#pause = { from: now, until: now + millis };
  }

  // An eighth of the longest pause, doubled by each further failure up to that; half of it by chance.
  #backOff() {
    const longest = (this.#bounds.longestPause / 8) * 2 ** Math.min(3, Math.max(0, this.#failures - 1));
    return longest / 2 + (longest / 2) * Math.random();
  }

  async #wait(atMost, started) {
    const out = started ?? (platform.sharesPromises ? this.#underWay : undefined);
    if (out !== undefined) {
      await race(out.catch(ignore), atMost);
      return;
    }
    const ended = this.#ended;
    const until = Date.now() + atMost;
    while (this.#ended === ended && Date.now() < until) await sleep(LOOK_AGAIN_MS);
  }
}

// A clock that was set back ends a span, instead of stretching it.
function within({ from, until }, now) {
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
