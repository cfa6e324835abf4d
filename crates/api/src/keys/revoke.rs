//! Revokes keys by their ids or by a filter: each key gets a revocation of its own. One entry for
//! many keys is made in `bulk_revocations`.

#![allow(unused_qualifications, reason = "what utoipa writes for query parameters")]

use portcullis_issuer::actions::{Care, IfRevoked, Revocation, Selector, When, scopes};
use portcullis_issuer::error::Error;
use serde::Deserialize;
use utoipa::ToSchema;

use super::answer::{view, views};
use super::filter::Filter;
use crate::committed::{WaitQuery, committed_and_waited};
use crate::extract::{Json, Query};
use crate::fields::moment;
use crate::problem::Problem;
use crate::require::{KeyToChange, KeysRevoke, Require, Routes, check_may_change_all, operation};
use crate::view::keys::{
    DryRunAnswer, RevokedAnswer, RevokedKeysView, RevokedManyAnswer, RevokedManyAnswers,
};

pub(super) fn routes() -> Routes {
    Routes::new().and(operation!(revoke)).and(operation!(revoke_many))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RevokeBody {
    in_seconds: Option<u64>,
    at: Option<String>,
    /// The person that the caller acts for. The actor in the audit trail is the caller's admin key.
    revoked_by: Option<String>,
    /// How to treat a key that is already revoked: `refuse` (409, nothing changes) or `skip`.
    /// Default: `refuse`.
    if_revoked: Option<String>,
    /// Allow the request to revoke the last admin key that can create others.
    #[serde(default)]
    last_admin: bool,
    /// The reason, for the audit trail. The settings may require it.
    reason: Option<String>,
}

impl RevokeBody {
    fn revocation(self) -> Result<Revocation, Error> {
        let when = moment(self.in_seconds, self.at.as_deref(), "at")?.unwrap_or(When::Now);
        Ok(Revocation { when, by: self.revoked_by })
    }

    fn care(&self, confirm: Option<u64>) -> Care {
        Care { confirm, last_admin: self.last_admin }
    }

    fn if_revoked(&self) -> Result<IfRevoked, Error> {
        let Some(name) = &self.if_revoked else { return Ok(IfRevoked::Refuse) };
        let reason = "must be refuse or skip";
        IfRevoked::from_name(name).ok_or(Error::Invalid { field: "if_revoked", reason })
    }
}

/// Revoke a key, now or at a set time, and publish.
#[utoipa::path(
    post, path = "/keys/{id}/revoke", tag = "keys", operation_id = "revoke_key",
    params(("id" = String, Path, description = "The key's id, apk_…"), WaitQuery),
    request_body = Option<RevokeBody>,
    responses(
        (status = 200, description = "Revoked and published", body = RevokedAnswer),
        (status = 202, description = "Revoked, not yet published", body = RevokedAnswer)
    )
)]
async fn revoke(
    Require { issuer, .. }: Require<KeysRevoke>,
    KeyToChange(id): KeyToChange,
    Query(wait): Query<WaitQuery>,
    Json(body): Json<RevokeBody>,
) -> Result<RevokedAnswer, Problem> {
    let (care, if_revoked) = (body.care(None), body.if_revoked()?);
    let issuer = issuer.because(body.reason.as_deref())?;
    let revoked = issuer.keys().revoke_with(&id, &body.revocation()?, &care, if_revoked).await;
    let revoked = revoked.map_err(|error| Problem::about(&id, error))?;
    let key = view(&issuer, &revoked.value).await?;
    Ok(committed_and_waited(&issuer, key, &revoked.publication, &wait).await?)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RevokeManyBody {
    ids: Option<Vec<String>>,
    r#where: Option<Filter>,
    in_seconds: Option<u64>,
    at: Option<String>,
    /// The person that the caller acts for. The actor in the audit trail is the caller's admin key.
    revoked_by: Option<String>,
    /// How to treat keys among `ids` that are already revoked: `refuse` (409 names them, nothing
    /// changes) or `skip`. Default: `refuse`.
    if_revoked: Option<String>,
    /// Only report which keys would be revoked.
    #[serde(default)]
    dry_run: bool,
    /// The number of keys that a dry run reported. If it has changed since, nothing is done (409).
    confirm: Option<u64>,
    /// Allow the request to revoke the last admin key that can create others.
    #[serde(default)]
    last_admin: bool,
    /// The reason, for the audit trail. The settings may require it.
    reason: Option<String>,
}

/// Revoke keys by their ids or by a filter, all or none.
#[utoipa::path(
    post, path = "/keys/revoke", tag = "keys", operation_id = "revoke_keys",
    params(WaitQuery),
    request_body = RevokeManyBody,
    responses(
        (status = 200, description = "Revoked and published, or the result of a dry run", body = RevokedManyAnswers),
        (status = 202, description = "Revoked, not yet published", body = RevokedManyAnswer)
    )
)]
async fn revoke_many(
    Require { issuer, admin, .. }: Require<KeysRevoke>,
    Query(wait): Query<WaitQuery>,
    Json(body): Json<RevokeManyBody>,
) -> Result<RevokedManyAnswers, Problem> {
    // Select keys by ids, if the caller may change each of them, or by a filter that is narrowed
    // to keys that the caller may change.
    let selector = match (body.ids, body.r#where) {
        (Some(ids), None) => {
            check_may_change_all(&issuer, &admin, &ids).await?;
            Selector::Ids(ids)
        }
        (None, Some(filter)) => {
            Selector::Like(Box::new(scopes::narrow(&admin.scopes, filter.criteria()?)?))
        }
        (None, None) => return Err(Error::NothingSelected.into()),
        (Some(_), Some(_)) => {
            let reason = "and `where` exclude each other";
            return Err(Error::Invalid { field: "ids", reason }.into());
        }
    };
    let (in_seconds, at, revoked_by) = (body.in_seconds, body.at, body.revoked_by);
    let (if_revoked, last_admin) = (body.if_revoked, body.last_admin);
    let issuer = issuer.because(body.reason.as_deref())?;
    let one = RevokeBody { in_seconds, at, revoked_by, if_revoked, last_admin, reason: None };
    let (care, if_revoked) = (one.care(body.confirm), one.if_revoked()?);
    let revocation = one.revocation()?;
    if body.dry_run {
        let (records, preview) =
            issuer.keys().preview_revoke_all(&selector, &revocation, if_revoked).await?;
        let keys = views(&issuer, &records).await?;
        return Ok(RevokedManyAnswers::DryRun(DryRunAnswer::of(preview, Some(keys))));
    }
    let revoked = issuer.keys().revoke_all_with(&selector, &revocation, &care, if_revoked).await?;
    let keys = views(&issuer, &revoked.value.keys).await?;
    let skipped = (if_revoked == IfRevoked::Skip).then_some(revoked.value.skipped);
    let answer = RevokedKeysView { count: keys.len(), keys, skipped };
    let answer = committed_and_waited(&issuer, answer, &revoked.publication, &wait).await?;
    Ok(RevokedManyAnswers::Revoked(Box::new(answer)))
}
