// The keyring and the list as they are kept in the copy, so that a process that starts while the issuer is away can
// judge keys until the list's next update. Nothing of it is trusted: the verifier checks every byte as if it had been
// fetched. Started with what is kept, it takes nothing older from the network either.

import { createVerifier } from 'portcullis';

// In bytes, the core's own bound.
const LONGEST = 32 << 20;
// A list that says something new is kept at once, but for this pause; a stamp that renews it at the latest when a tenth of
// the list's validity is over.
const BUNDLE_EVERY_MS = 5_000;
const STAMP_EVERY_MS = 10_000;
// docs/revocation-list.md: where number and this update stand in a stamp, and the stamp in a bundle.
const STAMP_BYTES = 154;
const NUMBER_AT = 26;
const THIS_UPDATE_AT = 34;
const KEYRING_AT = 8;

export class Trust {
  #root;
  #copy;
  #source;
  #stamp;
  #kept;
  #bundleAt = -Infinity;
  #keeping;

  // `source` is the issuer's own.
  constructor({ root, source, copy }) {
    this.#root = root;
    this.#copy = copy;
    this.#source = source;
  }

  // The source, whose newest stamp is remembered.
  get source() {
    return {
      get: async (name, longest) => {
        const file = await this.#source.get(name, longest);
        if (name === 'stamp') this.#stamp = file;
        return file;
      },
    };
  }

  // Gives the verifier what is kept, if that is newer than what it holds.
  async restore(verifier) {
    const kept = await this.#copy.trust();
    if (kept === undefined) return;
    const { number, epoch, thisUpdate } = verifier.status().list;
    const facts = factsOf(kept);
    if (number !== null && !isAfter(facts, { epoch, number, thisUpdate })) return;
    // Past its next update, of another issuer, or damaged, it is refused: then nothing is judged by it.
    if (adopts(verifier, () => withStamp(kept.bundle, kept.stamp)) || adopts(verifier, () => kept.bundle)) this.#kept ??= facts;
  }

  // Keeps what the verifier holds, in the background.
  keep(verifier) {
    this.#keeping ??= this.#keep(verifier)
      .catch(() => {})
      .finally(() => {
        this.#keeping = undefined;
      });
  }

  // What is being kept is on its way to the database.
  async settled() {
    await this.#keeping;
  }

  async #keep(verifier) {
    const { keyring, list } = verifier.status();
    if (list.number === null || keyring === null || !(await this.#copy.isThere())) return;
    const isSame = this.#kept !== undefined && this.#kept.keyring === keyring.version && this.#kept.number === list.number && this.#kept.epoch === list.epoch;
    if (isSame) await this.#keepStamp(list);
    else if (Date.now() - this.#bundleAt >= Math.min(BUNDLE_EVERY_MS, (list.nextUpdate - list.thisUpdate) / 10)) await this.#keepBundle();
  }

  async #keepStamp(list) {
    const pause = Math.min(STAMP_EVERY_MS, (list.nextUpdate - list.thisUpdate) / 10);
    if (list.thisUpdate - this.#kept.thisUpdate < pause) return;
    const stamp = this.#stamp;
    // Of a refresh that is under way the stamp may be another one.
    if (stamp === undefined || numberAt(stamp, NUMBER_AT) !== list.number || numberAt(stamp, THIS_UPDATE_AT) !== list.thisUpdate) return;
    await this.#copy.putStamp({ ...list, stamp: Buffer.from(stamp) });
    this.#kept = { ...this.#kept, thisUpdate: list.thisUpdate, nextUpdate: list.nextUpdate };
  }

  // A bundle that can't be started with is not kept: a verifier of its own looks at it.
  async #keepBundle() {
    this.#bundleAt = Date.now();
    const bundle = await this.#source.get('bundle', LONGEST);
    const { keyring, list } = createVerifier({ root: this.#root, bundle }).status();
    const facts = { keyring: keyring.version, epoch: list.epoch, number: list.number, thisUpdate: list.thisUpdate, nextUpdate: list.nextUpdate };
    await this.#copy.putTrust({ ...facts, bundle: Buffer.from(bundle), stamp: Buffer.from(stampOf(bundle)) });
    this.#kept = facts;
  }
}

const factsOf = ({ keyring, epoch, number, this_update: thisUpdate, next_update: nextUpdate }) => ({
  keyring: Number(keyring), epoch: Number(epoch), number: Number(number), thisUpdate: Number(thisUpdate), nextUpdate: Number(nextUpdate),
});

function isAfter(one, other) {
  if (one.epoch !== other.epoch) return one.epoch > other.epoch;
  return one.number === other.number ? one.thisUpdate > other.thisUpdate : one.number > other.number;
}

function adopts(verifier, bundle) {
  try {
    verifier.adopt(bundle());
    return true;
  } catch {
    return false;
  }
}

const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const numberAt = (bytes, at) => (bytes.length === STAMP_BYTES ? Number(viewOf(bytes).getBigUint64(at)) : undefined);

// A bundle begins with its four magic bytes, the keyring behind its length, and the stamp behind its own.
const stampAt = (bundle) => KEYRING_AT + viewOf(bundle).getUint32(KEYRING_AT - 4) + 4;
const stampOf = (bundle) => bundle.subarray(stampAt(bundle), stampAt(bundle) + STAMP_BYTES);

function withStamp(bundle, stamp) {
  const whole = new Uint8Array(bundle);
  if (stamp?.length === STAMP_BYTES) whole.set(stamp, stampAt(whole));
  return whole;
}
