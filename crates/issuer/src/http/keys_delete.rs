//! Deleting records, and undoing creates.

#![allow(unused_qualifications, reason = "what utoipa writes for query parameters")]

use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::body::{Json, Query};
use super::committed::committed;
use super::keys::check_may_change_all;
use super::problem::Problem;
use super::require::{KeyToChange, KeysRevoke, KeysWrite, Require, Routes, operation};
use crate::error::Error;
use crate::view::keys::{DeletedAnswer, DeletedManyAnswer, UndoneAnswer, UndoneManyAnswer};

pub(super) fn routes() -> Routes {
    Routes::new()
        .and(operation!(delete))
        .and(operation!(delete_many))
        .and(operation!(undo_many))
        .and(operation!(undo))
}

/// Delete the record of a key that is revoked in effect.
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
struct IdsBody {
    ids: Vec<String>,
    /// Why; the trail tells it. The settings may ask for it.
    reason: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReasonQuery {
    /// Why; the trail tells it. The settings may ask for it.
    reason: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReasonBody {
    /// Why; the trail tells it. The settings may ask for it.
    reason: Option<String>,
}

/// Delete the records of keys that are revoked in effect, all or none.
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

/// Revoke and delete a key that was made in error, in one act.
#[utoipa::path(
    post, path = "/keys/{id}/undo", tag = "keys", operation_id = "undo_key",
    params(("id" = String, Path, description = "The key's id, apk_…")),
    request_body = Option<ReasonBody>,
    responses(
        (status = 200, description = "Done and published", body = UndoneAnswer),
        (status = 202, description = "Done, not yet published", body = UndoneAnswer)
    )
)]
async fn undo(
    Require { issuer, .. }: Require<KeysRevoke>,
    KeyToChange(id): KeyToChange,
    Json(body): Json<ReasonBody>,
) -> Result<UndoneAnswer, Problem> {
    let issuer = issuer.because(body.reason.as_deref())?;
    let undone = issuer.keys().undo_create(std::slice::from_ref(&id), None).await;
    let undone = undone.map_err(|error| not_found_one(&id, error))?;
    Ok(committed(&issuer, DeletedAnswer::of(id), &undone.publication))
}

/// Revoke and delete keys that were made in error, all or none, in one act.
#[utoipa::path(
    post, path = "/keys/undo", tag = "keys", operation_id = "undo_keys",
    request_body = IdsBody,
    responses(
        (status = 200, description = "Done and published", body = UndoneManyAnswer),
        (status = 202, description = "Done, not yet published", body = UndoneManyAnswer)
    )
)]
async fn undo_many(
    Require { issuer, admin, .. }: Require<KeysRevoke>,
    Json(body): Json<IdsBody>,
) -> Result<UndoneManyAnswer, Problem> {
    check_may_change_all(&issuer, &admin, &body.ids).await?;
    let issuer = issuer.because(body.reason.as_deref())?;
    let undone = issuer.keys().undo_create(&body.ids, None).await?;
    let ids = undone.value.iter().map(|record| record.id.clone()).collect();
    Ok(committed(&issuer, DeletedManyAnswer::of(ids), &undone.publication))
}

/// Rewrites an error about several keys for a request that names only one.
fn not_found_one(id: &str, error: Error) -> Problem {
    let error = if matches!(error, Error::NoSuchKeys(_)) { Error::NotFound } else { error };
    Problem::about(id, error)
}
