//! Assembles the API: the routes of each noun, below the layers that every request passes.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::{Method, header};
use axum::routing::get;
use axum::{Extension, Router, middleware};
use portcullis_issuer::actor::Actor;
use portcullis_issuer::issuer::Issuer;

use super::events::streams::Streams;
use super::extract::MAX_BODY_LEN;
use super::fallback::{no_such_resource, wrong_method};
use super::middleware::rate_limit::{self, Limiter};
use super::middleware::{auth, headers, observe, secrets_in_addresses};
use super::options::Settings;
use super::require::{MetricsRead, Routes};
use super::{
    admins, bulk_revocations, events, health, idempotency, keyring, keys, list, metrics, owners,
    policies, settings, usage, webhooks, well_known,
};

const METRICS: &str = "/metrics";

/// Every route of `/v1`, with its description.
fn v1() -> Routes {
    Routes::new()
        .merge(keys::routes())
        .merge(admins::routes())
        .merge(keyring::routes())
        .merge(list::routes())
        .merge(owners::routes())
        .merge(policies::routes())
        .merge(bulk_revocations::routes())
        .merge(events::routes())
        .merge(webhooks::routes())
        .merge(usage::routes())
        .merge(settings::routes())
}

/// The description of `/v1`, OpenAPI 3.1, as `docs/openapi.json` holds it.
#[must_use]
pub fn openapi() -> serde_json::Value {
    super::openapi::document(v1().router.into_openapi())
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
    let document = super::openapi::document(api);
    let honoured = Arc::new(idempotency::Honoured::of(&document));
    let named = middleware::from_fn_with_state(honoured, idempotency::refuse_unless_honoured);
    let authentication = auth::AuthState { issuer: issuer.clone(), scopes: Arc::new(scopes) };
    let admins_alone = middleware::from_fn_with_state(authentication, auth::require_admin);
    let (policy, page) =
        (super::openapi::page_policy(), axum::response::Html(super::openapi::page(&document)));
    let document = document.to_string();
    // The last layer runs first: authentication, the rate limit, the checks of the address and of the
    // header `Idempotency-Key`, then the handler.
    let v1 = v1
        .fallback(no_such_resource)
        .method_not_allowed_fallback(wrong_method)
        .layer(named.clone())
        .layer(middleware::from_fn(secrets_in_addresses::refuse_secrets))
        .layer(middleware::from_fn_with_state(issuer.clone(), rate_limit::limit))
        .layer(admins_alone.clone())
        .layer(middleware::map_response(headers::never_cached));
    let metrics = Router::new().route(METRICS, get(metrics::show));
    let metrics = if settings.open_metrics { metrics } else { metrics.layer(admins_alone) };
    Router::new()
        .nest("/v1/self", keys::self_routes().layer(named))
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
        .layer(Extension(Limiter::new(settings.rate)))
        .layer(Extension(Streams::new(settings.streams)))
        .layer(middleware::map_response(headers::add_security_headers))
        .layer(middleware::from_fn_with_state(issuer.clone(), observe::observe))
        .with_state(issuer)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::Request;
    use axum::http::StatusCode;
    use axum::routing::post;
    use portcullis_core::time::Time;
    use portcullis_core::token::Label;
    use tower::ServiceExt as _;

    use super::*;
    use portcullis_issuer::actions::NewKey;
    use portcullis_issuer::clock::ManualClock;
    use portcullis_issuer::init::{Plan, init};
    use portcullis_issuer::publish::DEFAULT_VALID_FOR;
    use portcullis_issuer::record::KeyPurpose;
    use portcullis_issuer::{Home, Issuer};

    /// A route that was registered without `Require` is open to keys with every scope alone.
    #[tokio::test]
    async fn a_route_without_declared_scopes_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("home"));
        let clock = Arc::new(ManualClock::at(Time::from_secs(1_800_000_000)));
        let plan = Plan { labels: vec![Label::NONE], root: None, encrypt: false };
        let made = init(&home, &plan, clock.clone()).await.unwrap();
        let issuer = Issuer::open(&home, clock, DEFAULT_VALID_FOR).await.unwrap();
        let all = portcullis_issuer::actions::scopes::ALL.map(|(name, _)| name.to_owned()).to_vec();
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
