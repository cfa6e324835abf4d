//! The issuer's HTTP API.
//!
//! ```text
//! /v1/keys…, /v1/verify, /v1/list        JSON, behind an admin key, never cached
//! /.well-known/portcullis/…              what verifiers fetch: public, with strong ETags
//! /health/live, /health/ready, /metrics  for monitors; metrics behind an admin key unless opened
//! ```
//!
//! Errors are `application/problem+json` (RFC 9457).

mod auth;
mod body;
mod events;
mod health;
mod keys;
mod limits;
mod list;
mod metrics;
mod problem;
mod serve;
mod webhooks;
mod well_known;

pub use limits::Rate;
pub use problem::Problem;
pub use serve::{Server, heart_beat};

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};

use crate::issuer::Issuer;
use crate::webhooks::Reach;

/// The largest request body, in bytes.
pub const MAX_BODY_LEN: usize = 64 * 1024;

/// What the operator says of the API.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// How far webhooks may reach.
    pub reach: Reach,
    /// How often an admin key may ask.
    pub rate: Rate,
    /// Whether `/metrics` is for everybody.
    pub open_metrics: bool,
}

/// The whole API of `issuer`, with what is set by default.
pub fn router(issuer: Issuer) -> Router {
    router_with(issuer, Settings::default())
}

/// The whole API of `issuer`.
pub fn router_with(issuer: Issuer, settings: Settings) -> Router {
    let admins_alone = middleware::from_fn_with_state(issuer.clone(), auth::require_admin);
    let v1 = Router::new()
        .merge(keys::routes())
        .merge(list::routes())
        .merge(events::routes())
        .merge(webhooks::routes())
        .fallback(no_such_resource)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(issuer.clone(), limits::limit))
        .layer(admins_alone.clone())
        .layer(middleware::map_response(never_cached));
    let metrics = Router::new().route("/metrics", get(metrics::show));
    let metrics = if settings.open_metrics { metrics } else { metrics.layer(admins_alone) };
    Router::new()
        .nest("/v1", v1)
        .nest("/.well-known/portcullis", well_known::routes())
        .merge(health::routes())
        .merge(metrics)
        .fallback(no_such_resource)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_LEN))
        .layer(Extension(settings))
        .layer(Extension(limits::Limiter::new(settings.rate)))
        .layer(middleware::from_fn_with_state(issuer.clone(), metrics::observe))
        .with_state(issuer)
}

async fn never_cached(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn no_such_resource() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this address")
}

async fn wrong_method() -> Problem {
    let detail = "this address does not know that method";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}
