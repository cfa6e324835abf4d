import type { CallOptions, Pages } from './issuer-call.js';
import type { Answered, Api, Sent } from './issuer-shape.js';

/** An event of the audit trail. `type` is for example `api-key.revoked` or `list.published`. */
export type IssuerEvent = Answered<Api['EventView']>;

/** `/v1/events`. */
export interface Events {
  list(
    filter?: {
      /** Types, separated by commas. */
      type?: string;
      key_id?: string;
      /** The principal: an admin key's id, `user@host` of a shell, or a job. */
      actor?: string;
      /** The person that the caller named. */
      on_behalf_of?: string;
      since?: string;
      until?: string;
      /** `desc` means the newest first. Default: `desc`. */
      order?: 'asc' | 'desc';
      /** Events per page: 1 to 1,000. Default: 50. */
      limit?: number;
      cursor?: string;
    },
    options?: CallOptions,
  ): Pages<IssuerEvent>;
  /**
   * Yields events as they are committed, each once and in order, also across lost connections:
   * those after the event `after` (0 for all that are kept), by default only new ones. It ends with
   * the signal, or with a refusal: `events_removed` (410) if retention has removed events after
   * `after`.
   */
  follow(
    filter?: {
      type?: string;
      after?: number;
      /** How long a stream may be silent before it counts as lost. Default: 45,000 ms. */
      silence?: number;
    },
    options?: CallOptions,
  ): AsyncGenerator<IssuerEvent, void, undefined>;
}

/** An endpoint that receives events. */
export type Webhook = Answered<Api['WebhookView']>;

/** An endpoint with its secret, which is returned only this once. */
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
  /** Repeats one delivery, all events after one, or all deliveries that were given up. */
  replay(
    id: string,
    body: { delivery: number } | { after: number } | { dead: true },
    options?: CallOptions,
  ): Promise<{ replayed: number }>;
}
