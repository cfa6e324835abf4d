// What the campaign counts, and what it finds wrong.

const MOST_OF_A_KIND = 20;

export class Findings {
  constructor() {
    this.faults = {};
    this.hostile = {};
    this.counts = {
      acts_acknowledged: 0,
      acts_uncertain: 0,
      lists_read: 0,
      verdicts_read: 0,
      checks: 0,
      requests_verified: 0,
      accepted: 0,
      refused: 0,
      closed: 0,
      records_checked: 0,
    };
    this.longest = { revoke_to_refusal_calm_ms: 0, revoke_to_last_acceptance_ms: 0, without_fresh_list_ms: 0, without_fresh_list_calm_ms: 0 };
    this.by = {};
    this.found = {};
    this.skipped = [];
    this.began = performance.now();
  }

  /** Counts a fault of this kind that really happened. */
  fault(kind, times = 1) {
    this.faults[kind] = (this.faults[kind] ?? 0) + times;
  }

  step(kind) {
    this.hostile[kind] = (this.hostile[kind] ?? 0) + 1;
  }

  count(name, times = 1) {
    this.counts[name] += times;
  }

  /** Keeps the longest of a time. */
  time(name, millis) {
    if (millis > this.longest[name]) this.longest[name] = Math.round(millis);
  }

  /** Checks something; `what` says which promise is broken if it does not hold. */
  check(holds, what, told) {
    this.counts.checks += 1;
    if (!holds) this.wrong(what, told);
    return holds;
  }

  wrong(what, told) {
    const of = (this.found[what] ??= { times: 0, told: [] });
    of.times += 1;
    const at = ((performance.now() - this.began) / 1000).toFixed(3);
    if (of.told.length < MOST_OF_A_KIND) of.told.push({ at_s: Number(at), ...told });
    if (of.times <= 3) process.stderr.write(`  WRONG ${what} at ${at} s: ${JSON.stringify(told)}\n`);
  }

  skip(what, why) {
    this.skipped.push({ what, why });
    if (process.env.CI === 'true') this.wrong('left out, and CI leaves out nothing', { what, why });
    process.stderr.write(`\n  !!! left out: ${what}: ${why}\n\n`);
  }

  end() {
    this.seconds = (performance.now() - this.began) / 1000;
  }

  get kills() {
    return Object.entries(this.faults).reduce((all, [kind, count]) => all + (kind.startsWith('SIGKILL') ? count : 0), 0);
  }

  /** Answers of the supplies that were not the truth. */
  get lies() {
    return Object.values(this.hostile).reduce((all, count) => all + count, 0);
  }

  get times() {
    const of = (...names) => names.reduce((sum, name) => sum + (this.found[name]?.times ?? 0), 0);
    return {
      wrong_acceptances: of('wrong acceptance'),
      wrong_refusals: of('wrong refusal'),
      lost_acknowledgements: of('lost acknowledgement', 'revocation not in the list'),
      past_the_bound: of('past the bound', 'list not renewed'),
      other: Object.values(this.found).reduce((sum, { times }) => sum + times, 0) -
        of('wrong acceptance', 'wrong refusal', 'lost acknowledgement', 'revocation not in the list', 'past the bound', 'list not renewed'),
    };
  }

  get sound() {
    return Object.keys(this.found).length === 0;
  }
}
