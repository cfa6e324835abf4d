//! The issuer's HTTP API.
//!
//! ```text
//! /v1/keys…, /v1/verify, /v1/list        JSON, behind an admin key, never cached
//! /v1/self/revoke                        the key in the request revokes itself
//! /v1/openapi.json, /v1/docs             what the API is: public
//! /.well-known/portcullis/…              what verifiers fetch: public, with strong ETags
//! /health/live, /health/ready, /metrics  for monitors; metrics behind an admin key unless opened
//! ```
//!
//! Errors are `application/problem+json` (RFC 9457).

mod addresses;
mod admins;
mod auth;
mod body;
mod browsers;
mod committed;
mod connections;
mod events;
mod health;
mod idempotency;
mod keys;
mod keys_acts;
mod keys_change;
mod keys_delete;
mod keys_import;
mod keys_query;
mod limits;
mod list;
mod metrics;
mod openapi;
mod owners;
mod policies;
mod problem;
mod require;
mod revocations;
mod serve;
mod settings;
mod status_lists;
mod streams;
mod usage;
mod webhooks;
mod well_known;

pub use connections::{
    Connections, DEFAULT_MAX, LEAST_DESCRIPTORS, Patience, raise_descriptor_limit,
};
pub use limits::Rate;
pub use problem::Problem;
pub use serve::{LETS_GO_WITHIN, STOPS_WITHIN, Server};
pub use streams::StreamLimits;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};

use crate::actor::Actor;
use crate::issuer::Issuer;
use crate::webhooks::Reach;
use require::{MetricsRead, Routes};

/// The largest request body, in bytes.
pub const MAX_BODY_LEN: usize = 64 * 1024;
const METRICS: &str = "/metrics";

/// Every route of `/v1`, with its description.
fn v1() -> Routes {
    Routes::new()
        .merge(keys::routes())
        .merge(keys_acts::routes())
        .merge(keys_change::routes())
        .merge(keys_delete::routes())
        .merge(keys_import::routes())
        .merge(admins::routes())
        .merge(list::routes())
        .merge(owners::routes())
        .merge(policies::routes())
        .merge(revocations::routes())
        .merge(events::routes())
        .merge(webhooks::routes())
        .merge(usage::routes())
        .merge(settings::routes())
}

/// The description of `/v1`, OpenAPI 3.1, as `docs/openapi.json` holds it.
#[must_use]
pub fn openapi() -> serde_json::Value {
    openapi::document(v1().router.into_openapi())
}

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

/// The whole API of `issuer`, with default settings.
pub fn router(issuer: &Issuer) -> Router {
    router_with(issuer, Settings::default())
}

/// The whole API of `issuer`.
pub fn router_with(issuer: &Issuer, settings: Settings) -> Router {
    assemble(issuer, settings, v1())
}

/// The whole API, with these routes under `/v1`.
fn assemble(issuer: &Issuer, settings: Settings, v1: Routes) -> Router {
    let issuer = issuer.acting_as(Actor::nobody());
    let scopes = v1.scopes.and::<MetricsRead>(METRICS, Method::GET);
    let (v1, api) = v1.router.split_for_parts();
    let document = openapi::document(api);
    let honoured = Arc::new(idempotency::Honoured::of(&document));
    let named = middleware::from_fn_with_state(honoured, idempotency::refuse_unless_honoured);
    let authentication = auth::AuthState { issuer: issuer.clone(), scopes: Arc::new(scopes) };
    let admins_alone = middleware::from_fn_with_state(authentication, auth::require_admin);
    let (policy, page) = (openapi::page_policy(), axum::response::Html(openapi::page(&document)));
    let document = document.to_string();
    // The last layer runs first: authentication, the rate limit, the checks of the address and of the
    // header `Idempotency-Key`, then the handler.
    let v1 = v1
        .fallback(no_such_resource)
        .method_not_allowed_fallback(wrong_method)
        .layer(named.clone())
        .layer(middleware::from_fn(addresses::refuse_secrets))
        .layer(middleware::from_fn_with_state(issuer.clone(), limits::limit))
        .layer(admins_alone.clone())
        .layer(middleware::map_response(never_cached));
    let metrics = Router::new().route(METRICS, get(metrics::show));
    let metrics = if settings.open_metrics { metrics } else { metrics.layer(admins_alone) };
    Router::new()
        .nest("/v1/self", keys_acts::self_routes().layer(named))
        .route(
            "/v1/openapi.json",
            get(|| async { ([(header::CONTENT_TYPE, "application/json")], document) }),
        )
        .route("/v1/docs", get(|| async { ([(header::CONTENT_SECURITY_POLICY, policy)], page) }))
        .nest("/v1", v1)
        .nest("/.well-known/portcullis", well_known::routes())
        .merge(health::routes())
        .merge(metrics)
        .fallback(no_such_resource)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_LEN))
        .layer(Extension(settings))
        .layer(Extension(limits::Limiter::new(settings.rate)))
        .layer(Extension(streams::Streams::new(settings.streams)))
        .layer(middleware::map_response(browsers::told))
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

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::Request;
    use axum::routing::post;
    use portcullis_core::time::Time;
    use portcullis_core::token::Label;
    use tower::ServiceExt as _;

    use super::*;
    use crate::actions::NewKey;
    use crate::clock::ManualClock;
    use crate::init::{Plan, init};
    use crate::publish::DEFAULT_VALID_FOR;
    use crate::record::KeyPurpose;
    use crate::{Home, Issuer};

    /// A route that was registered without `Require` is open to keys with every scope alone.
    #[tokio::test]
    async fn a_route_without_declared_scopes_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("home"));
        let clock = Arc::new(ManualClock::at(Time::from_secs(1_800_000_000)));
        let plan = Plan { labels: vec![Label::NONE], root: None, encrypt: false };
        let made = init(&home, &plan, clock.clone()).await.unwrap();
        let issuer = Issuer::open(&home, clock, DEFAULT_VALID_FOR).await.unwrap();
        let all = crate::actions::scopes::ALL.map(|(name, _)| name.to_owned()).to_vec();
        let new = NewKey { purpose: KeyPurpose::Admin, admin_scopes: all, ..NewKey::titled("All") };
        let each = issuer.keys().create(&new).await.unwrap().token;

        let mut routes = v1();
        routes.router = routes.router.route("/forgotten", post(|| async { "done" }));
        let router = assemble(&issuer, Settings::default(), routes);
        let send = async |key: &str| {
            let request =
                Request::post("/v1/forgotten").header("authorization", format!("Bearer {key}"));
            let response =
                router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            response.status()
        };
        assert_eq!(send(&each).await, StatusCode::FORBIDDEN, "each scope by its name is not `*`");
        assert_eq!(send(&made.admin_token).await, StatusCode::OK);
    }
}
