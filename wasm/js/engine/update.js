// Decides the order in which files are fetched. The engine checks each file and names those that it
// needs next.

const KEYRING_EVERY_MS = 60_000;
const FILES_AT_ONCE = 4;
// For policies and assignments: the most files on the way to one, and how many missed or failed ones
// are remembered.
const POLICY_LEVELS = 5;
const POLICIES_REMEMBERED = 64;
const POLICY_PAUSE_MS = 1_000;
// In bytes. A stamp is 154 bytes long; a keyring with every possible kid is 3.6 million bytes long.
// The bundle's bound is the one of the core.
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
  // What a verification needed and what was not held, by name: `[kind, number]` of a policy, or
  // `[kind, serial, true]` of an assignment.
  #missed = new Map();
  // By the same names: the time of the last failed fetch.
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

  // Remembers a policy for the next fetch.
  miss(policy) {
    if (this.#missed.size < POLICIES_REMEMBERED) this.#missed.set(policy.join(), policy);
  }

  // Fetches the files that lead from the list to one policy or assignment. Resolves to true if looking it up
  // again may succeed. After a failed fetch there is a pause, so that a key that keeps coming back
  // causes no further fetches.
  async policy(policy, clock) {
    const name = policy.join();
    const [now, failed] = [clock(), this.#failed.get(name)];
    if (failed !== undefined && now >= failed && now - failed < POLICY_PAUSE_MS) return false;
    try {
      for (let level = 0; level < POLICY_LEVELS; level += 1) {
        const [kind, number, isAssignment] = policy;
        const wanted = isAssignment ? this.#engine.wantsAssignment(kind, number) : this.#engine.wantsPolicy(kind, number);
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

  #get({ folder, digest, len }) {
    return this.#source.get(`${folder}/${digest}`, len);
  }

  // Cold start: one bundle instead of keyring, stamp and list, if the issuer serves one. Resolves
  // to whether it was adopted.
  async #start(clock) {
    try {
      const bundle = await this.#source.get('bundle', LONGEST.bundle);
      this.#engine.adoptBundle(bundle, clock());
      this.#keyringAt = clock();
      return true;
    } catch (error) {
      // If there are too many shards for a bundle, or an old cache served it, the single files may
      // still work.
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
      // A cache served an older copy. That is neither news nor an error.
      if (error.code !== 'keyring_rollback') throw error;
    }
  }

  async #list(clock) {
    try {
      await this.#gather(clock);
    } catch (error) {
      // The list may have advanced while its parts were fetched, and the old parts may be gone
      // (404); or it needs a newer keyring. Try once more.
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
      // Offer what we have; the engine answers with the files that it still needs.
      const wanted = this.#engine.offerList(stamp, parts, clock(), withoutPolicies);
      if (wanted.length === 0) return;
      const arePolicies = wanted[0].folder === 'policies' || wanted[0].folder === 'private';
      for (let at = 0; at < wanted.length; at += FILES_AT_ONCE) {
        const some = wanted.slice(at, at + FILES_AT_ONCE);
        if (!arePolicies) parts.push(...(await Promise.all(some.map((file) => this.#get(file)))));
        // A revocation must not wait for a policy: if a policy file can't be fetched, adopt the
        // list without it.
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
