//! Authentication for `/v1`: an admin key is verified like any key, and its record is looked up.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use portcullis_core::verify::Refusal;

use super::problem::Problem;
use super::require::RouteScopes;
use crate::actions::{NotAdmin, scopes};
use crate::error::Error;
use crate::issuer::Issuer;
use crate::names;

/// The admin key that authenticated the request.
#[derive(Clone, Debug)]
pub(super) struct Admin {
    /// Its public name.
    pub(super) id: String,
    /// Its scopes.
    pub(super) scopes: Vec<String>,
}

/// The state of the authentication layer: the issuer, and the scopes that each route requires.
#[derive(Clone)]
pub(super) struct AuthState {
    pub(super) issuer: Issuer,
    pub(super) scopes: Arc<RouteScopes>,
}

/// Lets a request pass if it carries an admin key in force, and attaches the [`Admin`].
pub(super) async fn require_admin(
    State(AuthState { issuer, scopes }): State<AuthState>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(token) = bearer(request.headers()) else {
        let detail = "an admin key is needed: send `Authorization: Bearer <admin key>`; \
                      `portcullis init` prints the first one, `portcullis keys create --admin` makes more";
        return refuse(r#"Bearer realm="portcullis""#, "no_admin_key", detail);
    };
    match issuer.admins().find(token).await {
        Ok(Ok(record)) => {
            let admin = Admin { id: record.id, scopes: record.admin_scopes };
            note_actor(&admin.id);
            if let Err(error) = may_pass(&scopes, &admin, &request) {
                return refuse_scope(error);
            }
            request.extensions_mut().insert(admin);
            next.run(request).await
        }
        // No list in force: the fault is the issuer's, so the answer is 503 and not 401.
        Ok(Err(NotAdmin::Refused(refusal))) if refusal.is_unavailable() => {
            let code = refusal.code();
            if let Some(left_out) = issuer.metrics().refusals.line(issuer.now()) {
                tracing::error!(code, left_out, "no admin key can be verified: {refusal}");
            }
            unavailable(refusal).into_response()
        }
        // The code is for the log and the metrics. The client gets the same answer for every
        // reason.
        Ok(Err(reason)) => {
            let code = match reason {
                NotAdmin::Refused(refusal) => refusal.code(),
                NotAdmin::NotInForce => "not_in_force",
            };
            issuer.metrics().admin_key_refused(code);
            if let Some(left_out) = issuer.metrics().refusals.line(issuer.now()) {
                tracing::warn!(code, left_out, "an admin key was refused");
            }
            let challenge = r#"Bearer realm="portcullis", error="invalid_token""#;
            challenged(challenge, invalid_admin_key())
        }
        Err(error) => Problem::from(error).into_response(),
    }
}

/// Records the principal in the request's log lines.
pub(super) fn note_actor(id: &str) {
    tracing::Span::current().record("actor", id);
}

/// Checks that the key has the scopes that the route requires.
fn may_pass(required: &RouteScopes, admin: &Admin, request: &Request) -> Result<(), Error> {
    // A path without a route requires no scope: the router answers 404.
    let Some(route) = request.extensions().get::<MatchedPath>() else { return Ok(()) };
    scopes::check_grant(&admin.scopes, &required.of(route.as_str(), request.method()))
}

/// RFC 6750, section 3.1: the answer names the missing scope.
pub(super) fn refuse_scope(error: Error) -> Response {
    let challenge = if let Error::Scope { scope } = &error {
        let error = "insufficient_scope";
        Some(format!(r#"Bearer realm="portcullis", error="{error}", scope="{scope}""#))
    } else {
        None
    };
    let mut response = Problem::from(error).into_response();
    // Scopes contain only characters that are valid in a header value.
    if let Some(challenge) = challenge.and_then(|text| HeaderValue::from_str(&text).ok()) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// The credentials of the scheme Bearer (RFC 6750, section 2.1), whose name is case-insensitive.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    Some(names::key_text(token))
        .filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
}

/// The answer if no admin key can be verified at present.
pub(super) fn unavailable(refusal: Refusal) -> Problem {
    let detail = "no list in force is published; run `portcullis list publish`";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, refusal.code(), detail)
}

/// The same answer for every reason for which a key is refused.
pub(super) fn invalid_admin_key() -> Problem {
    let detail = "this key does not open the issuer's API; use an admin key in force";
    Problem::new(StatusCode::UNAUTHORIZED, "invalid_admin_key", detail)
}

pub(super) fn refuse(challenge: &'static str, code: &'static str, detail: &str) -> Response {
    challenged(challenge, Problem::new(StatusCode::UNAUTHORIZED, code, detail))
}

fn challenged(challenge: &'static str, problem: Problem) -> Response {
    let mut response = problem.into_response();
    let challenge = HeaderValue::from_static(challenge);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}
