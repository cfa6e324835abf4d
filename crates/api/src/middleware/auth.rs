//! Authentication for `/v1`: an admin key is verified like any key, and its record is looked up.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use portcullis_issuer::actions::{NotAdmin, scopes};
use portcullis_issuer::error::Error;
use portcullis_issuer::issuer::Issuer;

use crate::caller::{
    Admin, bearer, challenged, invalid_admin_key, note_actor, refuse, refuse_scope, unavailable,
};
use crate::problem::Problem;
use crate::require::RouteScopes;

/// The state of the authentication layer: the issuer, and the scopes that each route requires.
#[derive(Clone)]
pub(crate) struct AuthState {
    pub(crate) issuer: Issuer,
    pub(crate) scopes: Arc<RouteScopes>,
}

/// Lets a request pass if it carries an admin key in force, and attaches the [`Admin`].
pub(crate) async fn require_admin(
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
            if let Some(left_out) = issuer.metrics().refusal_line(issuer.now()) {
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
            if let Some(left_out) = issuer.metrics().refusal_line(issuer.now()) {
                tracing::warn!(code, left_out, "an admin key was refused");
            }
            let challenge = r#"Bearer realm="portcullis", error="invalid_token""#;
            challenged(challenge, invalid_admin_key())
        }
        Err(error) => Problem::from(error).into_response(),
    }
}

/// Checks that the key has the scopes that the route requires.
fn may_pass(required: &RouteScopes, admin: &Admin, request: &Request) -> Result<(), Error> {
    // A path without a route requires no scope: the router answers 404.
    let Some(route) = request.extensions().get::<MatchedPath>() else { return Ok(()) };
    scopes::check_grant(&admin.scopes, &required.of(route.as_str(), request.method()))
}
