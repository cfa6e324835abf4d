//! Undoing the making of keys.

#![allow(unused_qualifications, reason = "what utoipa writes for query parameters")]

use serde::Deserialize;
use utoipa::ToSchema;

use super::delete::{IdsBody, not_found_one};
use crate::committed::committed;
use crate::extract::Json;
use crate::problem::Problem;
use crate::require::{KeyToChange, KeysRevoke, Require, Routes, check_may_change_all, operation};
use crate::view::keys::{DeletedAnswer, DeletedManyAnswer, UndoneAnswer, UndoneManyAnswer};

pub(super) fn routes() -> Routes {
    Routes::new().and(operation!(undo)).and(operation!(undo_many))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReasonBody {
    /// The reason, for the audit trail. The settings may require it.
    reason: Option<String>,
}

/// Undo the creation of a key: revoke and delete it in one step.
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

/// Undo the creation of keys, all or none: revoke and delete them in one step.
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
