//! `/v1/self/revoke`: the key in the request revokes itself.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use portcullis_issuer::error::Error;
use portcullis_issuer::issuer::Issuer;

use super::answer::view;
use crate::caller;
use crate::committed::committed;
use crate::fallback::{no_such_resource, wrong_method};
use crate::middleware::headers::never_cached;
use crate::problem::Problem;
use crate::view::KeyView;
use crate::view::keys::SelfRevokedKey;

/// Routes for the holder of a key. The key itself authenticates the request.
pub(crate) fn self_routes() -> Router<Issuer> {
    Router::new()
        .route("/revoke", post(revoke_self))
        .fallback(no_such_resource)
        .method_not_allowed_fallback(wrong_method)
        .layer(map_response(never_cached))
}

async fn revoke_self(
    State(issuer): State<Issuer>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some(token) = caller::bearer(&headers) else {
        let detail = "send the key that is to be revoked as `Authorization: Bearer <key>`";
        return Ok(caller::refuse(r#"Bearer realm="portcullis""#, "no_key", detail));
    };
    match issuer.keys().revoke_by_token(token).await {
        Ok(revoked) => {
            caller::note_actor(&revoked.value.id);
            let key = view(&issuer, &revoked.value).await?;
            let KeyView { id, state, revoked_at, .. } = key;
            let answer = SelfRevokedKey { id, state, revoked_at };
            Ok(committed(&issuer, answer, &revoked.publication).into_response())
        }
        Err(error) => Ok(challenge(error)),
    }
}

fn challenge(error: Error) -> Response {
    let foreign = matches!(error, Error::NotAuthentic);
    let mut response = Problem::from(error).into_response();
    if foreign {
        let challenge =
            HeaderValue::from_static(r#"Bearer realm="portcullis", error="invalid_token""#);
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}
