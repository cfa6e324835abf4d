// Tracks whether the issuer can be reached, and limits how long a shop waits to find out.
//
// A read that the copy can answer waits only a short time, and only once: while the issuer is away,
// reads go to the copy at once, and the issuer is probed in the background. A change probes the
// issuer first, and is refused before anything is sent. An issuer that refuses a request is
// reachable, and its refusal is never replaced by the copy's answer.

import { createIssuer } from '../issuer/client.js';
import { IssuerError } from '../issuer/error.js';
import { isAway } from './issuer-away.js';

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

  // `client` are the settings of the issuer's client. `told(error)` is called when the issuer goes
  // away, and without an error when it is back.
  constructor(client, copy, told) {
    const { timeout = Infinity, retries = Infinity } = client;
    this.#patient = createIssuer(client);
    this.#quick = createIssuer({ ...client, timeout: Math.min(timeout, QUICK_MS), retries: Math.min(retries, QUICK_RETRIES) });
    this.#copy = copy;
    this.#told = told;
  }

  // The time since when the issuer is away; undefined if it is not.
  get awaySince() {
    return this.#since;
  }

  // For reads. Fails quickly if the issuer is away and the copy can answer instead.
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

  // For requests that only the issuer can answer. Waits for an issuer that was reachable so far.
  async ask(act) {
    if (this.#since !== undefined) {
      this.#look();
      throw this.#error;
    }
    return this.#wait(act);
  }

  // For changes. If the error means that the issuer is away (`isAway`) and has no `maybeDone`,
  // nothing was sent.
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
      // Thrown from now on. It has no `maybeDone`, because nothing is sent for the calls that get
      // it.
      this.#error = new IssuerError(error.code, error.message, { status: error.status, cause: error });
      this.#told(error);
    }
    return error;
  }

  // Probes whether the issuer is back: one probe at a time, and a pause after a failed one.
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
