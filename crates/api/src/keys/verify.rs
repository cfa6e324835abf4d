//! Verifying a key: by the list as a gate does, or by its record.

#![allow(unused_qualifications, reason = "what utoipa writes for query parameters")]

use axum::extract::State;
use portcullis_core::token::Kind;
use portcullis_issuer::issuer::Issuer;
use serde::Deserialize;
use utoipa::ToSchema;

use super::answer::view;
use crate::extract::Json;
use crate::fields::{environment, kind};
use crate::problem::Problem;
use crate::require::{KeysVerify, Require, Routes, operation};
use crate::view::VerdictView;
use crate::view::keys::AuthenticatedAnswer;

pub(super) fn routes() -> Routes {
    Routes::new().and(operation!(verify)).and(operation!(authenticate))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VerifyBody {
    token: String,
    kind: Option<String>,
    environment: Option<String>,
}

/// Verify a key as a gate does.
#[utoipa::path(
    post, path = "/verify", tag = "keys", operation_id = "verify_key",
    request_body = VerifyBody,
    responses(
        (status = 200, description = "The verdict", body = VerdictView)
    )
)]
async fn verify(
    _: Require<KeysVerify>,
    State(issuer): State<Issuer>,
    Json(body): Json<VerifyBody>,
) -> Result<axum::Json<VerdictView>, Problem> {
    let token = zeroize::Zeroizing::new(body.token);
    let kind = kind(body.kind.as_deref())?;
    let environment = environment(body.environment.as_deref())?;
    let verdict = issuer.keys().verify(&token, kind, environment).await?;
    Ok(axum::Json(VerdictView::new(&verdict, issuer.now())))
}

/// Verify a key against its record, and return the record.
#[utoipa::path(
    post, path = "/keys/authenticate", tag = "keys", operation_id = "authenticate_key",
    request_body = VerifyBody,
    responses(
        (status = 200, description = "The record, or the precise reason of the refusal", body = AuthenticatedAnswer)
    )
)]
async fn authenticate(
    _: Require<KeysVerify>,
    State(issuer): State<Issuer>,
    Json(body): Json<VerifyBody>,
) -> Result<axum::Json<AuthenticatedAnswer>, Problem> {
    let token = zeroize::Zeroizing::new(body.token);
    let kind = kind(body.kind.as_deref())?.unwrap_or(Kind::Secret);
    let environment = environment(body.environment.as_deref())?;
    let answer = match issuer.keys().authenticate(&token, kind, environment).await?.result {
        Ok(record) => AuthenticatedAnswer::accepted(view(&issuer, &record).await?),
        Err(refusal) => AuthenticatedAnswer::refused(refusal.code(), &refusal),
    };
    Ok(axum::Json(answer))
}
