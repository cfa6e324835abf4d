// What may be said of each key: a model that knows what was sent, what was answered and when, and
// nothing of how the issuer works.
//
// An act that was acknowledged at A is in every list whose this update is after A. An act that was sent
// at S is in no list whose this update is before S. In between, and where no answer came, both may be.

/** Clocks count in milliseconds, and a list may be dated a little after the one before it. */
export const EPSILON_MS = 5;

export class Key {
  constructor({ id, serial, token, expires = null, owner = 0 }, sent, answered) {
    Object.assign(this, { id, serial, token, expires, owner, sent, answered, acts: [], busy: false });
    /** By verifier: whether it has refused this key for good. */
    this.refusedBy = new Set();
  }

  /** An act that is about to be sent: `say` is `revoked`, `suspended` or `active`, `at` a second for later. */
  begin(say, at = null) {
    const act = { say, at, sent: Date.now(), answered: null };
    this.acts.push(act);
    return act;
  }

  /** The time from which on a revocation of it was acknowledged, if one that counts by then was. */
  get revokedSince() {
    const times = this.acts
      .filter((act) => act.say === 'revoked' && act.answered !== null)
      .map((act) => Math.max(act.answered, act.at === null ? 0 : act.at * 1000));
    return times.length > 0 ? Math.min(...times) : null;
  }

  /** Whether nothing was ever tried that could end it. */
  get untouched() {
    return this.acts.length === 0 && this.expires === null;
  }

  /**
   * All that a verifier may say of it between the instants `now`, by a list whose this update is in
   * `list`: `accepted`, `revoked`, `suspended`, `expired`.
   */
  may(list, now) {
    const [from, to] = list;
    let said = new Set(['accepted']);
    for (const act of this.acts) {
      const surely = act.answered !== null && from > act.answered + EPSILON_MS;
      const perhaps = to >= act.sent - EPSILON_MS;
      if (!perhaps) continue;
      const strikes = act.at === null || now[1] >= act.at * 1000;
      const struck = act.at === null || now[0] >= act.at * 1000;
      if (!strikes) continue;
      if (act.say === 'active') {
        const after = new Set([...said].map((one) => (one === 'suspended' ? 'accepted' : one)));
        said = surely ? after : new Set([...said, ...after]);
      } else if (act.say === 'suspended') {
        const after = new Set([...said].map((one) => (one === 'accepted' ? 'suspended' : one)));
        said = surely ? after : new Set([...said, ...after]);
      } else {
        said = surely && struck ? new Set(['revoked']) : new Set([...said, 'revoked']);
      }
    }
    if (this.expires !== null && said.has('accepted')) {
      if (now[1] >= this.expires * 1000) said.add('expired');
      if (now[0] >= this.expires * 1000) said.delete('accepted');
    }
    return said;
  }
}

export class Model {
  constructor(findings) {
    this.findings = findings;
    this.keys = new Map();
    /** Those that lists and gates are still asked about: old ones that ended are left to the last check. */
    this.current = new Set();
    this.serials = new Map();
  }

  add(key) {
    this.findings.check(!this.serials.has(key.serial), 'serial twice', { id: key.id, other: this.serials.get(key.serial) });
    this.serials.set(key.serial, key.id);
    this.keys.set(key.id, key);
    this.current.add(key);
    this.retire();
    return key;
  }

  /** Bounds what is looked at all the time. */
  retire() {
    const MOST = 1200;
    if (this.current.size <= MOST) return;
    const old = Date.now() - 60_000;
    for (const key of this.current) {
      if (this.current.size <= MOST * 0.8) break;
      const ended = Math.min(key.revokedSince ?? Infinity, key.expires === null ? Infinity : key.expires * 1000);
      if (!key.busy && ended < old) this.current.delete(key);
    }
  }

  /** Keys that nobody acts on now and for which `fits` holds. */
  free(fits) {
    return [...this.current].filter((key) => !key.busy && fits(key));
  }
}
