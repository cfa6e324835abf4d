//! Rolling a key: a new key takes its place.

#![allow(unused_qualifications, reason = "what utoipa writes for query parameters")]

use std::time::Duration;

use axum::Extension;
use axum::http::HeaderMap;
use portcullis_issuer::actions::Roll;
use portcullis_issuer::committed::Committed;
use portcullis_issuer::error::Error;
use portcullis_issuer::names;
use serde::Deserialize;
use utoipa::ToSchema;

use super::answer::{minted_view, view};
use crate::committed::committed;
use crate::extract::Json;
use crate::fields::{algorithm, moment};
use crate::idempotency::{self, Repeatable};
use crate::options::Settings;
use crate::problem::Problem;
use crate::require::{KeyToChange, KeysWrite, Require, Routes, operation};
use crate::view::keys::{CreatedAnswer, RolledAnswer, RolledKey};

pub(super) fn routes() -> Routes {
    Routes::new().and(operation!(roll))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RollBody {
    overlap_seconds: Option<u64>,
    rolled_by: Option<String>,
    owner: Option<u32>,
    policy: Option<u32>,
    algorithm: Option<String>,
    /// The new key's label, or `""` for no label. Default: the old key's label.
    label: Option<String>,
    expires_in_seconds: Option<u64>,
    expires_at: Option<String>,
    #[serde(default)]
    never_expires: bool,
    /// The reason, for the audit trail. The settings may require it.
    reason: Option<String>,
}

/// Replace a key with a new one. Both are valid during the overlap.
#[utoipa::path(
    post, path = "/keys/{id}/roll", tag = "keys", operation_id = "roll_key",
    params(
        ("id" = String, Path, description = "The key's id, apk_…"),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for the request. The same request, sent again with this name within a day or the window that the operator set, returns the same new key")
    ),
    request_body = Option<RollBody>,
    responses(
        (status = 200, description = "Rolled and published", body = RolledAnswer),
        (status = 202, description = "Rolled, not yet published", body = RolledAnswer)
    )
)]
async fn roll(
    Require { issuer, admin, .. }: Require<KeysWrite>,
    Extension(settings): Extension<Settings>,
    KeyToChange(id): KeyToChange,
    headers: HeaderMap,
    Json(body): Json<RollBody>,
) -> Result<Repeatable<RolledAnswer>, Problem> {
    let expires = moment(body.expires_in_seconds, body.expires_at.as_deref(), "expires_at")?;
    if body.never_expires && expires.is_some() {
        let reason = "and a time of expiry exclude each other";
        return Err(Error::Invalid { field: "never_expires", reason }.into());
    }
    let idempotency = idempotency::named(&headers, &admin, settings)?;
    let issuer = issuer.because(body.reason.as_deref())?;
    let roll = Roll {
        overlap: body.overlap_seconds.map_or(Roll::DEFAULT_OVERLAP, Duration::from_secs),
        by: body.rolled_by,
        owner: body.owner,
        policy: body.policy,
        algorithm: algorithm(body.algorithm.as_deref())?,
        label: body.label.as_deref().map(names::label).transpose()?,
        expires: if body.never_expires { Some(None) } else { expires.map(Some) },
    };
    let rolled = issuer.keys().roll_once(&id, &roll, idempotency.as_ref()).await;
    let rolled = rolled.map_err(|error| Problem::about(&id, error))?;
    let Committed { value: rolled, publication } = rolled;
    let CreatedAnswer { key, token } = minted_view(&issuer, &rolled.minted).await?;
    let answer = RolledKey { key, token, rolled: view(&issuer, &rolled.old).await? };
    let answer = committed(&issuer, answer, &publication);
    Ok(Repeatable { answer, repeated: rolled.repeated })
}
