//! What is answered about webhooks, besides the endpoint itself.

use portcullis_issuer::webhooks::{DeliveryView, WebhookView};
use serde::Serialize;
use utoipa::ToSchema;

/// An endpoint with its secret, which is returned only when it is new.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WebhookSecretAnswer {
    /// The endpoint.
    pub webhook: WebhookView,
    /// `whsec_…`.
    pub secret: String,
}

/// All endpoints.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WebhooksAnswer {
    /// The newest first.
    pub webhooks: Vec<WebhookView>,
}

/// An endpoint that was deleted.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WebhookDeletedAnswer {
    /// Its id.
    pub id: String,
    /// That it is.
    pub deleted: bool,
}

/// A page of deliveries.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeliveriesAnswer {
    /// The newest first.
    pub deliveries: Vec<DeliveryView>,
}

/// Deliveries that were queued again.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct ReplayedAnswer {
    /// How many.
    pub replayed: u64,
}
