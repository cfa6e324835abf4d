//! The door of `/v1`: an admin key, verified like any key and looked up as well.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::problem::Problem;
use crate::issuer::Issuer;
use crate::rules::NotAdmin;

/// The admin key that a request came in with.
#[derive(Clone, Debug)]
pub(super) struct Admin {
    /// Its public name.
    pub(super) id: String,
}

/// Lets requests pass that carry an admin key in force, with an [`Admin`] beside them.
pub(super) async fn require_admin(
    State(issuer): State<Issuer>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(token) = bearer(request.headers()) else {
        let detail = "an admin key is needed: send `Authorization: Bearer <admin key>`; \
                      `portcullis init` prints the first one, `portcullis keys create --admin` makes more";
        return refuse(r#"Bearer realm="portcullis""#, "no_admin_key", detail);
    };
    match issuer.admin(token).await {
        Ok(Ok(record)) => {
            request.extensions_mut().insert(Admin { id: record.id });
            next.run(request).await
        }
        Ok(Err(NotAdmin::Refused(refusal))) if refusal.is_unavailable() => {
            tracing::error!(code = refusal.code(), "no admin key can be judged: {refusal}");
            let detail = "no list in force is published; run `portcullis list publish`";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, refusal.code(), detail).into_response()
        }
        Ok(Err(reason)) => {
            let code = match reason {
                NotAdmin::Refused(refusal) => refusal.code(),
                NotAdmin::NotInForce => "not_in_force",
            };
            tracing::warn!(code, "an admin key was refused");
            let detail = "this key does not open the issuer's API; use an admin key in force";
            let challenge = r#"Bearer realm="portcullis", error="invalid_token""#;
            refuse(challenge, "invalid_admin_key", detail)
        }
        Err(error) => Problem::from(error).into_response(),
    }
}

/// The credentials of the scheme Bearer (RFC 6750, section 2.1), whose name has no case.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
}

pub(super) fn refuse(challenge: &'static str, code: &'static str, detail: &str) -> Response {
    let mut response = Problem::new(StatusCode::UNAUTHORIZED, code, detail).into_response();
    let challenge = HeaderValue::from_static(challenge);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}
