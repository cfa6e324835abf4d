// The order in which files are asked for. The engine checks each and says what is wanted next.

const KEYRING_EVERY_MS = 60_000;
const FILES_AT_ONCE = 4;
// Of policies: as many as lead to one, and some that were asked for in vain.
const POLICY_LEVELS = 5;
const POLICIES_REMEMBERED = 64;
const POLICY_PAUSE_MS = 1_000;
// In bytes. A stamp has 154, a keyring of all the kids there can be 3.6 million; a bundle's bound
// is the core's own.
const LONGEST = { stamp: 1024, keyring: 4 << 20, bundle: 32 << 20 };
const KEYRING_MAY_HELP = new Set([
  'keyring_behind',
  'keyring_expired',
  'list_unknown_kid',
  'list_wrong_epoch',
]);

// Brings one engine up to date from one source.
export class Update {
  #engine;
  #source;
  #keyringAt = -Infinity;
  // Policies that were looked for and not held, as [kind, number] by name.
  #missed = new Map();
  // When each was last fetched in vain.
  #failed = new Map();

  constructor(engine, source) {
    this.#engine = engine;
    this.#source = source;
  }

  async run(clock, keyring = false) {
    const { number } = this.#engine.status(clock(), 0).list;
    if (number === null && (await this.#start(clock))) return;
    await this.#list(clock);
    if (keyring || clock() - this.#keyringAt >= KEYRING_EVERY_MS) await this.#keyring(clock);
    await this.fetchMissed(clock);
  }

  async fetchMissed(clock) {
    const missed = [...this.#missed.values()];
    this.#missed.clear();
    await Promise.all(missed.map((policy) => this.policy(policy, clock).catch(() => false)));
  }

  // Remembers a policy that is to be fetched.
  miss(policy) {
    if (this.#missed.size < POLICIES_REMEMBERED) this.#missed.set(policy.join(), policy);
  }

  // Fetches what stands between the list and one policy; says whether it may be looked for again.
  // After a fetch in vain there is a pause: a key that comes again and again is no reason to ask again.
  async policy(policy, clock) {
    const name = policy.join();
    const [now, failed] = [clock(), this.#failed.get(name)];
    if (failed !== undefined && now >= failed && now - failed < POLICY_PAUSE_MS) return false;
    try {
      for (let level = 0; level < POLICY_LEVELS; level += 1) {
        const wanted = this.#engine.wantsPolicy(...policy);
        if (wanted === undefined) break;
        await this.#policyFile(wanted);
      }
    } catch (error) {
      if (this.#failed.size >= POLICIES_REMEMBERED) this.#failed.clear();
      this.#failed.set(name, now);
      throw error;
    }
    this.#failed.delete(name);
    return true;
  }

  async #policyFile(wanted) {
    this.#engine.offerPolicy(wanted, await this.#get(wanted));
  }

  #get({ place, digest, len }) {
    return this.#source.get(`${place}/${digest}`, len);
  }

  // One file instead of three, where the issuer has one.
  async #start(clock) {
    try {
      const bundle = await this.#source.get('bundle', LONGEST.bundle);
      this.#engine.adoptBundle(bundle, clock());
      this.#keyringAt = clock();
      return true;
    } catch (error) {
      // Too many shards for a bundle, or a bundle out of an old cache: its parts may do.
      const mayDo = error.status === 404 || error.code === 'list_past_next_update';
      if (!mayDo) throw error;
      await this.#keyring(clock);
      return false;
    }
  }

  async #keyring(clock) {
    const document = await this.#source.get('keyring', LONGEST.keyring);
    this.#keyringAt = clock();
    try {
      this.#engine.offerKeyring(document);
    } catch (error) {
      // Some cache's older copy is no news, and no error either.
      if (error.code !== 'keyring_rollback') throw error;
    }
  }

  async #list(clock) {
    try {
      await this.#gather(clock);
    } catch (error) {
      // A list that moved on while its parts were fetched may have taken them down.
      if (error.status !== 404 && !KEYRING_MAY_HELP.has(error.code)) throw error;
      if (error.status !== 404) await this.#keyring(clock);
      await this.#gather(clock);
    }
  }

  async #gather(clock) {
    const stamp = await this.#source.get('stamp', LONGEST.stamp);
    const parts = [];
    let withoutPolicies = false;
    for (;;) {
      const wanted = this.#engine.offerList(stamp, parts, clock(), withoutPolicies);
      if (wanted.length === 0) return;
      const arePolicies = wanted[0].place === 'policies' || wanted[0].place === 'private';
      for (let at = 0; at < wanted.length; at += FILES_AT_ONCE) {
        const some = wanted.slice(at, at + FILES_AT_ONCE);
        if (!arePolicies) parts.push(...(await Promise.all(some.map((file) => this.#get(file)))));
        // A revocation does not wait for a policy: what can't be had is not there then.
        else if ((await Promise.allSettled(some.map((file) => this.#policyFile(file)))).some(failed)) {
          withoutPolicies = true;
        }
      }
    }
  }
}

function failed({ status }) {
  return status === 'rejected';
}
