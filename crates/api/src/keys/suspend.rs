//! Suspending a key, and resuming it.

#![allow(unused_qualifications, reason = "what utoipa writes for query parameters")]

use serde::Deserialize;
use utoipa::ToSchema;

use super::answer::answer_change;
use crate::extract::Json;
use crate::problem::Problem;
use crate::require::{KeyToChange, KeysRevoke, Require, Routes, operation};
use crate::view::keys::ChangedAnswer;

pub(super) fn routes() -> Routes {
    Routes::new().and(operation!(suspend)).and(operation!(resume))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ByBody {
    by: Option<String>,
    /// The reason, for the audit trail. The settings may require it.
    reason: Option<String>,
}

/// Suspend a key: verifiers refuse it until it is resumed.
#[utoipa::path(
    post, path = "/keys/{id}/suspend", tag = "keys", operation_id = "suspend_key",
    params(("id" = String, Path, description = "The key's id, apk_…")),
    request_body = Option<ByBody>,
    responses(
        (status = 200, description = "Done and published", body = ChangedAnswer),
        (status = 202, description = "Done, not yet published", body = ChangedAnswer)
    )
)]
async fn suspend(
    Require { issuer, .. }: Require<KeysRevoke>,
    KeyToChange(id): KeyToChange,
    Json(body): Json<ByBody>,
) -> Result<ChangedAnswer, Problem> {
    let issuer = issuer.because(body.reason.as_deref())?;
    answer_change(&issuer, &id, issuer.keys().suspend(&id, body.by.as_deref()).await).await
}

/// Resume a suspended key.
#[utoipa::path(
    post, path = "/keys/{id}/resume", tag = "keys", operation_id = "resume_key",
    params(("id" = String, Path, description = "The key's id, apk_…")),
    request_body = Option<ByBody>,
    responses(
        (status = 200, description = "Done and published", body = ChangedAnswer),
        (status = 202, description = "Done, not yet published", body = ChangedAnswer)
    )
)]
async fn resume(
    Require { issuer, .. }: Require<KeysRevoke>,
    KeyToChange(id): KeyToChange,
    Json(body): Json<ByBody>,
) -> Result<ChangedAnswer, Problem> {
    let issuer = issuer.because(body.reason.as_deref())?;
    answer_change(&issuer, &id, issuer.keys().resume(&id, body.by.as_deref()).await).await
}
