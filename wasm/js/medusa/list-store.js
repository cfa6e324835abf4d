// Stores keyring and list in the copy, so that a process that starts while the issuer is away can
// verify keys until the list's next update. The stored data is not trusted: the verifier checks
// every byte as if it had been fetched. A verifier that starts with it also accepts nothing older
// from the network.

import { createVerifier } from 'portcullis';

// In bytes; the core's own bound.
const LONGEST = 32 << 20;
// A list with new content is stored at once, except for this pause. A stamp that renews the list is
// stored at the latest when a tenth of the list's validity is over.
const BUNDLE_EVERY_MS = 5_000;
const STAMP_EVERY_MS = 10_000;
// docs/revocation-list.md: the offsets of number and `thisUpdate` in a stamp, and of the keyring in
// a bundle.
const STAMP_BYTES = 154;
const NUMBER_AT = 26;
const THIS_UPDATE_AT = 34;
const KEYRING_AT = 8;

export class ListStore {
  #root;
  #copy;
  #source;
  #stamp;
  #stored;
  #bundleAt = -Infinity;
  #storing;

  // `source` is the issuer itself.
  constructor({ root, source, copy }) {
    this.#root = root;
    this.#copy = copy;
    this.#source = source;
  }

  // The source, wrapped so that the newest stamp is remembered.
  get source() {
    return {
      get: async (name, longest) => {
        const file = await this.#source.get(name, longest);
        if (name === 'stamp') this.#stamp = file;
        return file;
      },
    };
  }

  // Passes the stored bundle to the verifier if it is newer than what the verifier holds.
  async restore(verifier) {
    const stored = await this.#copy.storedList();
    if (stored === undefined) return;
    const { number, epoch, thisUpdate } = verifier.status().list;
    const facts = factsOf(stored);
    if (number !== null && !isAfter(facts, { epoch, number, thisUpdate })) return;
    // The verifier refuses it if it is past its next update, of another issuer, or damaged.
    if (adopts(verifier, () => withStamp(stored.bundle, stored.stamp)) || adopts(verifier, () => stored.bundle)) this.#stored ??= facts;
  }

  // Stores what the verifier holds, in the background.
  store(verifier) {
    this.#storing ??= this.#store(verifier)
      .catch(() => {})
      .finally(() => {
        this.#storing = undefined;
      });
  }

  // Resolves when the running write to the database has ended.
  async settled() {
    await this.#storing;
  }

  async #store(verifier) {
    const { keyring, list } = verifier.status();
    if (list.number === null || keyring === null || !(await this.#copy.exists())) return;
    const isSame = this.#stored !== undefined && this.#stored.keyring === keyring.version && this.#stored.number === list.number && this.#stored.epoch === list.epoch;
    if (isSame) await this.#storeStamp(list);
    else if (Date.now() - this.#bundleAt >= Math.min(BUNDLE_EVERY_MS, (list.nextUpdate - list.thisUpdate) / 10)) await this.#storeBundle(verifier);
  }

  async #storeStamp(list) {
    const pause = Math.min(STAMP_EVERY_MS, (list.nextUpdate - list.thisUpdate) / 10);
    if (list.thisUpdate - this.#stored.thisUpdate < pause) return;
    const stamp = this.#stamp;
    // During a refresh, the remembered stamp may be a newer one.
    if (stamp === undefined || numberAt(stamp, NUMBER_AT) !== list.number || numberAt(stamp, THIS_UPDATE_AT) !== list.thisUpdate) return;
    await this.#copy.putStamp({ ...list, stamp: Buffer.from(stamp) });
    this.#stored = { ...this.#stored, thisUpdate: list.thisUpdate, nextUpdate: list.nextUpdate };
  }

  // A separate verifier checks the bundle first, so that a bundle with which no verifier can start
  // is not stored. The bundle may be newer than the list that `verifier` holds. `verifier` adopts
  // it, so that this process never holds an older list than it stores: its status would otherwise
  // name an instant up to which it verifies, and a later `restore` would extend that instant.
  async #storeBundle(verifier) {
    this.#bundleAt = Date.now();
    const bundle = await this.#source.get('bundle', LONGEST);
    const { keyring, list } = createVerifier({ root: this.#root, bundle }).status();
    const facts = { keyring: keyring.version, epoch: list.epoch, number: list.number, thisUpdate: list.thisUpdate, nextUpdate: list.nextUpdate };
    await this.#copy.putList({ ...facts, bundle: Buffer.from(bundle), stamp: Buffer.from(stampOf(bundle)) });
    this.#stored = facts;
    adopts(verifier, () => bundle);
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

// A bundle starts with four magic bytes, the keyring after its length, and the stamp after its own.
const stampAt = (bundle) => KEYRING_AT + viewOf(bundle).getUint32(KEYRING_AT - 4) + 4;
const stampOf = (bundle) => bundle.subarray(stampAt(bundle), stampAt(bundle) + STAMP_BYTES);

function withStamp(bundle, stamp) {
  const whole = new Uint8Array(bundle);
  if (stamp?.length === STAMP_BYTES) whole.set(stamp, stampAt(whole));
  return whole;
}
