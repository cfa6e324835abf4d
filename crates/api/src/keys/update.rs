//! Changing what is kept with a key.

#![allow(unused_qualifications, reason = "what utoipa writes for query parameters")]

use axum::http::StatusCode;
use portcullis_issuer::actions::{Update, check_fixed};
use portcullis_issuer::error::Error;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::answer::answer_change;
use crate::extract::Json;
use crate::problem::Problem;
use crate::require::{KeyToChange, KeysWrite, Require, Routes, operation};
use crate::view::keys::ChangedAnswer;

pub(super) fn routes() -> Routes {
    Routes::new().and(operation!(update)).and(operation!(update_by_post))
}

/// The fields to update. A field that is left out does not change. Null is refused, except within
/// `metadata`, where it removes a member.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described here, read field by field for the sake of what is refused")]
struct UpdateKeyBody {
    #[schema(nullable = false)]
    title: Option<String>,
    #[schema(value_type = Object, required = false)]
    metadata: Option<Map<String, Value>>,
    #[schema(nullable = false)]
    sales_channels: Option<Vec<String>>,
    #[schema(nullable = false)]
    updated_by: Option<String>,
}

/// Reads the update from a body, and the person that the caller acts for.
pub(super) fn read_update(
    mut body: Map<String, Value>,
) -> Result<(Update, Option<String>), Problem> {
    fn take<T: serde::de::DeserializeOwned>(
        body: &mut Map<String, Value>,
        field: &'static str,
        reason: &'static str,
    ) -> Result<Option<T>, Error> {
        let value = body.remove(field).map(serde_json::from_value);
        value.transpose().map_err(|_| Error::Invalid { field, reason })
    }
    let update = Update {
        title: take(&mut body, "title", "must be a text")?,
        metadata: take(&mut body, "metadata", "must be an object")?,
        sales_channels: take(&mut body, "sales_channels", "must be a list of texts")?,
    };
    let by = take(&mut body, "updated_by", "must be a text")?;
    if let Some(name) = body.keys().next() {
        check_fixed(name)?;
        let detail =
            "there is an unknown field; title, metadata, sales_channels and updated_by are known";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "invalid_json", detail));
    }
    Ok((update, by))
}

/// Update a key's title, metadata or sales channels.
#[utoipa::path(
    patch, path = "/keys/{id}", tag = "keys", operation_id = "update_key",
    params(("id" = String, Path, description = "The key's id, apk_…")),
    request_body = UpdateKeyBody,
    responses(
        (status = 200, description = "The updated key, published if lists contain the change", body = ChangedAnswer),
        (status = 202, description = "Updated, not yet published", body = ChangedAnswer)
    )
)]
async fn update(
    Require { issuer, .. }: Require<KeysWrite>,
    KeyToChange(id): KeyToChange,
    Json(body): Json<Map<String, Value>>,
) -> Result<ChangedAnswer, Problem> {
    let (update, by) = read_update(body)?;
    let changed = issuer.keys().update(&id, &update, by.as_deref()).await;
    answer_change(&issuer, &id, changed).await
}

/// Update a key, for clients without PATCH.
#[utoipa::path(
    post, path = "/keys/{id}", tag = "keys", operation_id = "update_key_by_post",
    params(("id" = String, Path, description = "The key's id, apk_…")),
    request_body = UpdateKeyBody,
    responses(
        (status = 200, description = "The updated key, published if lists contain the change", body = ChangedAnswer),
        (status = 202, description = "Updated, not yet published", body = ChangedAnswer)
    )
)]
async fn update_by_post(
    caller: Require<KeysWrite>,
    id: KeyToChange,
    body: Json<Map<String, Value>>,
) -> Result<ChangedAnswer, Problem> {
    update(caller, id, body).await
}
