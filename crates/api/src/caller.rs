//! The caller of a request: its credentials, and the answers if they are missing or not
//! sufficient.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use portcullis_core::verify::Refusal;
use portcullis_issuer::error::Error;
use portcullis_issuer::names;

use super::problem::Problem;

/// The admin key that authenticated the request.
#[derive(Clone, Debug)]
pub(super) struct Admin {
    /// Its public name.
    pub(super) id: String,
    /// Its scopes.
    pub(super) scopes: Vec<String>,
}

/// Records the principal in the request's log lines.
pub(super) fn note_actor(id: &str) {
    tracing::Span::current().record("actor", id);
}

/// The credentials of the scheme Bearer (RFC 6750, section 2.1). The scheme's name is
/// case-insensitive.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    Some(names::key_text(token))
        .filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
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

pub(super) fn challenged(challenge: &'static str, problem: Problem) -> Response {
    let mut response = problem.into_response();
    let challenge = HeaderValue::from_static(challenge);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}
