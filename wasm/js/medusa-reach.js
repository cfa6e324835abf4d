// Whether the issuer is there, and how long a shop waits to learn it.
//
// What reads and can be answered from the copy waits a short time, once: while the issuer is away, reads go to the copy at
// once and the issuer is looked for behind them. What changes keys looks for it first, and is refused before anything
// was sent. An issuer that refuses is there: what it refuses no copy answers.

import { createIssuer } from './issuer.js';
import { IssuerError } from './issuer-error.js';
import { isAway } from './medusa-away.js';

const QUICK_MS = 2_000;
const QUICK_RETRIES = 1;
const LOOK_EVERY_MS = 1_000;
const TOO_OFTEN = 429;

export class Reach {
  #patient;
  #quick;
  #copy;
  #told;
  #error;
  #since;
  #looking;
  #lookedAt = -Infinity;

  // `client` are the settings of the issuer's client; `told(error)` is called when the issuer is away, and when it is
  // back with undefined.
  constructor(client, copy, told) {
    const { timeout = Infinity, retries = Infinity } = client;
    this.#patient = createIssuer(client);
    this.#quick = createIssuer({ ...client, timeout: Math.min(timeout, QUICK_MS), retries: Math.min(retries, QUICK_RETRIES) });
    this.#copy = copy;
    this.#told = told;
  }

  // Since when it is away.
  get awaySince() {
    return this.#since;
  }

  // Does what reads. Fails soon when the issuer is away and the copy can answer in its place.
  async read(act) {
    if (!(await this.#copy.isThere())) return this.ask(act);
    if (this.#since !== undefined) {
      this.#look();
      throw this.#error;
    }
    try {
      return await act(this.#quick);
    } catch (error) {
      if (error instanceof IssuerError && error.status === TOO_OFTEN) return this.ask(act);
      throw this.#noted(error);
    }
  }

  // Does what nothing else can answer: an issuer that was there a moment ago is waited for.
  async ask(act) {
    if (this.#since !== undefined) {
      this.#look();
      throw this.#error;
    }
    return this.#wait(act);
  }

  // Does what changes something. Nothing was sent when this throws what `isAway` and has not `maybeDone`.
  async change(act) {
    if (this.#since !== undefined) await this.#look();
    if (this.#since !== undefined) throw this.#error;
    return this.#wait(act);
  }

  async #wait(act) {
    try {
      return await act(this.#patient);
    } catch (error) {
      throw this.#noted(error);
    }
  }

  #noted(error) {
    if (isAway(error) && this.#since === undefined) {
      this.#since = new Date();
      // Of what comes after it nothing is sent.
      this.#error = new IssuerError(error.code, error.message, { status: error.status, cause: error });
      this.#told(error);
    }
    return error;
  }

  // Looks whether the issuer is back; one look at a time, and after one in vain a pause.
  #look() {
    if (this.#looking === undefined && Date.now() - this.#lookedAt < LOOK_EVERY_MS) return Promise.resolve();
    this.#looking ??= this.#quick.keys
      .list({ limit: 1 })
      .page()
      .then(
        () => true,
        (error) => !isAway(error),
      )
      .then((there) => {
        this.#lookedAt = Date.now();
        this.#looking = undefined;
        if (!there || this.#since === undefined) return;
        this.#since = undefined;
        this.#told();
      });
    return this.#looking;
  }
}
