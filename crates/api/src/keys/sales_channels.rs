//! Attaching sales channels to a key, and detaching them.

#![allow(unused_qualifications, reason = "what utoipa writes for query parameters")]

use serde::Deserialize;
use utoipa::ToSchema;

use super::answer::answer_change;
use crate::extract::Json;
use crate::problem::Problem;
use crate::require::{KeyToChange, KeysWrite, Require, Routes, operation};
use crate::view::keys::ChangedAnswer;

pub(super) fn routes() -> Routes {
    Routes::new().and(operation!(sales_channels))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChannelsBody {
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
}

/// Attach sales channels to a publishable key, and detach others.
#[utoipa::path(
    post, path = "/keys/{id}/sales-channels", tag = "keys", operation_id = "change_sales_channels",
    params(("id" = String, Path, description = "The key's id, apk_…")),
    request_body = ChannelsBody,
    responses(
        (status = 200, description = "Done and published", body = ChangedAnswer),
        (status = 202, description = "Done, not yet published", body = ChangedAnswer)
    )
)]
async fn sales_channels(
    Require { issuer, .. }: Require<KeysWrite>,
    KeyToChange(id): KeyToChange,
    Json(body): Json<ChannelsBody>,
) -> Result<ChangedAnswer, Problem> {
    let changed = issuer.keys().change_sales_channels(&id, &body.add, &body.remove, None).await;
    answer_change(&issuer, &id, changed).await
}
