//! Deleting records of keys that are revoked in effect.

#![allow(unused_qualifications, reason = "what utoipa writes for query parameters")]

use portcullis_issuer::error::Error;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::extract::{Json, Query};
use crate::problem::Problem;
use crate::require::{KeyToChange, KeysWrite, Require, Routes, check_may_change_all, operation};
use crate::view::keys::{DeletedAnswer, DeletedManyAnswer};

pub(super) fn routes() -> Routes {
    Routes::new().and(operation!(delete)).and(operation!(delete_many))
}

/// Delete the record of a key whose revocation is in effect.
#[utoipa::path(
    delete, path = "/keys/{id}", tag = "keys", operation_id = "delete_key",
    params(("id" = String, Path, description = "The key's id, apk_…"), ReasonQuery),
    responses(
        (status = 200, description = "Deleted", body = DeletedAnswer)
    )
)]
async fn delete(
    Require { issuer, .. }: Require<KeysWrite>,
    KeyToChange(id): KeyToChange,
    Query(why): Query<ReasonQuery>,
) -> Result<axum::Json<DeletedAnswer>, Problem> {
    let issuer = issuer.because(why.reason.as_deref())?;
    let deleted = issuer.keys().delete(std::slice::from_ref(&id), None).await;
    deleted.map_err(|error| not_found_one(&id, error))?;
    Ok(axum::Json(DeletedAnswer::of(id)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IdsBody {
    pub(super) ids: Vec<String>,
    /// The reason, for the audit trail. The settings may require it.
    pub(super) reason: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReasonQuery {
    /// The reason, for the audit trail. The settings may require it.
    reason: Option<String>,
}

/// Delete the records of keys, all or none. Every revocation must be in effect.
#[utoipa::path(
    post, path = "/keys/delete", tag = "keys", operation_id = "delete_keys",
    request_body = IdsBody,
    responses(
        (status = 200, description = "Deleted", body = DeletedManyAnswer)
    )
)]
async fn delete_many(
    Require { issuer, admin, .. }: Require<KeysWrite>,
    Json(body): Json<IdsBody>,
) -> Result<axum::Json<DeletedManyAnswer>, Problem> {
    check_may_change_all(&issuer, &admin, &body.ids).await?;
    let issuer = issuer.because(body.reason.as_deref())?;
    let ids = issuer.keys().delete(&body.ids, None).await?;
    Ok(axum::Json(DeletedManyAnswer::of(ids)))
}

/// Rewrites an error about several keys for a request that names only one.
pub(super) fn not_found_one(id: &str, error: Error) -> Problem {
    let error = if matches!(error, Error::NoSuchKeys(_)) { Error::NotFound } else { error };
    Problem::about(id, error)
}
