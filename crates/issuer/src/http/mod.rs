//! The issuer's HTTP API.
//!
//! ```text
//! /v1/keys…, /v1/verify, /v1/list        JSON, behind an admin key, never cached
//! /v1/self/revoke                        for whoever holds a secret key: it is the key sent
//! /.well-known/portcullis/…              what verifiers fetch: public, with strong ETags
//! /health/live, /health/ready
//! ```
//!
//! Errors are `application/problem+json` (RFC 9457).

mod auth;
mod body;
mod keys;
mod keys_acts;
mod keys_import;
mod keys_query;
mod list;
mod owners;
mod policies;
mod problem;
mod revocations;
mod serve;
mod well_known;

pub use problem::Problem;
pub use serve::Server;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tower_http::trace::TraceLayer;

use crate::issuer::Issuer;

/// The largest request body, in bytes.
pub const MAX_BODY_LEN: usize = 64 * 1024;

/// The whole API of `issuer`.
pub fn router(issuer: Issuer) -> Router {
    let v1 = Router::new()
        .merge(keys::routes())
        .merge(keys_acts::routes())
        .merge(keys_import::routes())
        .merge(list::routes())
        .merge(owners::routes())
        .merge(policies::routes())
        .merge(revocations::routes())
        .fallback(no_such_resource)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(issuer.clone(), auth::require_admin))
        .layer(middleware::map_response(never_cached));
    Router::new()
        .nest("/v1/self", keys_acts::self_routes())
        .nest("/v1", v1)
        .nest("/.well-known/portcullis", well_known::routes())
        .route("/health/live", get(|| async { "live\n" }))
        .route("/health/ready", get(ready))
        .fallback(no_such_resource)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_LEN))
        // The path alone: headers carry keys, and a query is anybody's text.
        .layer(TraceLayer::new_for_http().make_span_with(|request: &Request| {
            tracing::info_span!("http", method = %request.method(), path = request.uri().path())
        }))
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

/// Ready: the database answers, and what is out may be judged by.
async fn ready(State(issuer): State<Issuer>) -> Response {
    let mark = issuer.view().await;
    let now = issuer.now();
    match mark.map(|view| view.replica().at(now).map(|_| ())) {
        Ok(Ok(())) => "ready\n".into_response(),
        Ok(Err(error)) => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.code(), error).into_response()
        }
        Err(error) => Problem::from(error).into_response(),
    }
}
