import type { CallOptions, Pages } from './issuer-call.js';
import type { Answered, Api, Sent } from './issuer-shape.js';

/** An event of the audit trail: `type` is such as `api-key.revoked` or `list.published`. */
export type IssuerEvent = Answered<Api['EventView']>;

/** `/v1/events`. */
export interface Events {
  list(
    filter?: {
      /** Types between commas. */
      type?: string;
      key_id?: string;
      /** The principal: an admin key's id, `user@host` of a shell, a job. */
      actor?: string;
      /** Whom the caller named. */
      on_behalf_of?: string;
      since?: string;
      until?: string;
      /** `desc` unless told: the newest first. */
      order?: 'asc' | 'desc';
      /** Events of one page: 1 to 1,000, 50 unless told. */
      limit?: number;
      cursor?: string;
    },
    options?: CallOptions,
  ): Pages<IssuerEvent>;
  /**
   * Events as they are committed, each once and in order, over lost connections too: those behind the
   * event `after` (0 for all that are kept), or else what is new. It ends with the signal, or with a
   * refusal: `events_removed` (410) where retention has removed events behind `after`.
   */
  follow(
    filter?: {
      type?: string;
      after?: number;
      /** For how long a stream may say nothing before it counts as lost. 45,000 ms unless told. */
      silence?: number;
    },
    options?: CallOptions,
  ): AsyncGenerator<IssuerEvent, void, undefined>;
}

/** An endpoint that is told of events. */
export type Webhook = Answered<Api['WebhookView']>;

/** An endpoint with its secret, which can be had this once. */
export type WithSecret = Answered<Api['WebhookSecretAnswer'], { webhook: Webhook }>;

/** A message to an endpoint. */
export type Delivery = Answered<Api['DeliveryView'], { state: 'pending' | 'delivered' | 'dead' }>;

/** `/v1/webhooks`. */
export interface Webhooks {
  create(
    body: Sent<Api['CreateWebhookBody']>,
    options?: CallOptions,
  ): Promise<WithSecret>;
  list(options?: CallOptions): Promise<Webhook[]>;
  get(id: string, options?: CallOptions): Promise<Webhook>;
  update(id: string, body: Sent<Api['UpdateWebhookBody']>, options?: CallOptions): Promise<Webhook>;
  delete(id: string, options?: CallOptions): Promise<{ id: string; deleted: true }>;
  rotateSecret(
    id: string,
    body?: Sent<Api['RotateSecretBody']>,
    options?: CallOptions,
  ): Promise<WithSecret>;
  /** The newest first. */
  deliveries(
    id: string,
    filter?: { state?: Delivery['state']; limit?: number; before?: number },
    options?: CallOptions,
  ): Pages<Delivery>;
  /** One delivery, all events behind one, or all that were given up. */
  replay(
    id: string,
    body: { delivery: number } | { after: number } | { dead: true },
    options?: CallOptions,
  ): Promise<{ replayed: number }>;
}
