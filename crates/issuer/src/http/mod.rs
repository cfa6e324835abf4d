//! The issuer's HTTP API.
//!
//! ```text
//! /v1/keys…, /v1/verify, /v1/list        JSON, behind an admin key, never cached
//! /v1/openapi.json, /v1/docs             what the API is: public
//! /.well-known/portcullis/…              what verifiers fetch: public, with strong ETags
//! /health/live, /health/ready
//! ```
//!
//! Errors are `application/problem+json` (RFC 9457).

mod admins;
mod auth;
mod body;
mod keys;
mod list;
mod openapi;
mod problem;
mod serve;
mod well_known;

pub use problem::Problem;
pub use serve::{Server, heart_beat};

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tower_http::trace::TraceLayer;
use utoipa_axum::router::OpenApiRouter;

use crate::issuer::Issuer;
use openapi::Demands;

/// The largest request body, in bytes.
pub const MAX_BODY_LEN: usize = 64 * 1024;

/// Every route of `/v1`, with its description.
fn v1() -> OpenApiRouter<Issuer> {
    OpenApiRouter::new().merge(keys::routes()).merge(admins::routes()).merge(list::routes())
}

/// The description of `/v1`, OpenAPI 3.1, as `docs/openapi.json` holds it.
#[must_use]
pub fn openapi() -> serde_json::Value {
    openapi::document(v1().split_for_parts().1)
}

/// The whole API of `issuer`.
pub fn router(issuer: Issuer) -> Router {
    let (v1, api) = v1().split_for_parts();
    let document = openapi::document(api);
    let door = auth::Door { issuer: issuer.clone(), demands: Arc::new(Demands::of(&document)) };
    let page = openapi::page(&document);
    let document = document.to_string();
    let v1 = v1
        .fallback(no_such_resource)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(door, auth::require_admin))
        .layer(middleware::map_response(never_cached));
    Router::new()
        .route(
            "/v1/openapi.json",
            get(|| async { ([(header::CONTENT_TYPE, "application/json")], document) }),
        )
        .route("/v1/docs", get(|| async { axum::response::Html(page) }))
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
