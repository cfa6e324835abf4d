//! The operator's settings of the API.

use std::time::Duration;

use portcullis_issuer::webhooks::Reach;

use super::events::streams::StreamLimits;
use super::middleware::rate_limit::Rate;

/// The operator's settings of the API.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// Which addresses webhooks may reach.
    pub reach: Reach,
    /// How many requests an admin key may make.
    pub rate: Rate,
    /// How many streams may follow the audit trail.
    pub streams: StreamLimits,
    /// Whether `/metrics` is open to everyone.
    pub open_metrics: bool,
    /// How long an idempotency key is remembered; a day by default.
    pub idempotency_window: Option<Duration>,
}
