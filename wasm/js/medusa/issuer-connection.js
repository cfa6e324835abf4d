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
const PROBE_EVERY_MS = 1_000;
const RATE_LIMITED = 429;

export class IssuerConnection {
  #patient;
  #quick;
  #copy;
  #onChange;
  #error;
  #since;
  #probing;
  #probedAt = -Infinity;

  // `client` are the settings of the issuer's client. `onChange(error)` is called when the issuer
  // goes away, and without an error when it is back.
  constructor(client, copy, onChange) {
    const { timeout = Infinity, retries = Infinity } = client;
    this.#patient = createIssuer(client);
    this.#quick = createIssuer({ ...client, timeout: Math.min(timeout, QUICK_MS), retries: Math.min(retries, QUICK_RETRIES) });
    this.#copy = copy;
    this.#onChange = onChange;
  }

  // The time since when the issuer is away; undefined if it is not.
  get awaySince() {
    return this.#since;
  }

  // For reads. Fails quickly if the issuer is away and the copy can answer instead.
  async read(call) {
    if (!(await this.#copy.exists())) return this.ask(call);
    if (this.#since !== undefined) {
      this.#probe();
      throw this.#error;
    }
    try {
      return await call(this.#quick);
    } catch (error) {
      if (error instanceof IssuerError && error.status === RATE_LIMITED) return this.ask(call);
      throw this.#noteAway(error);
    }
  }

  // For requests that only the issuer can answer. Waits for an issuer that was reachable so far.
  async ask(call) {
    if (this.#since !== undefined) {
      this.#probe();
      throw this.#error;
    }
    return this.#wait(call);
  }

  // For changes. If the error means that the issuer is away (`isAway`) and has no `maybeDone`,
  // nothing was sent.
  async change(call) {
    if (this.#since !== undefined) await this.#probe();
    if (this.#since !== undefined) throw this.#error;
    return this.#wait(call);
  }

  async #wait(call) {
    try {
      return await call(this.#patient);
    } catch (error) {
      throw this.#noteAway(error);
    }
  }

  #noteAway(error) {
    if (isAway(error) && this.#since === undefined) {
      this.#since = new Date();
      // Thrown from now on. It has no `maybeDone`, because nothing is sent for the calls that get
      // it.
      this.#error = new IssuerError(error.code, error.message, { status: error.status, cause: error });
      this.#onChange(error);
    }
    return error;
  }

  // Probes whether the issuer is back: one probe at a time, and a pause after a failed one.
  #probe() {
    if (this.#probing === undefined && Date.now() - this.#probedAt < PROBE_EVERY_MS) return Promise.resolve();
    this.#probing ??= this.#quick.keys
      .list({ limit: 1 })
      .page()
      .then(
        () => true,
        (error) => !isAway(error),
      )
      .then((there) => {
        this.#probedAt = Date.now();
        this.#probing = undefined;
        if (!there || this.#since === undefined) return;
        this.#since = undefined;
        this.#onChange();
      });
    return this.#probing;
  }
}
