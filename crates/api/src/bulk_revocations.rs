//! `/v1/bulk-revocations…`: bulk revocations and suspensions. One entry of the list covers many keys. For
//! keys that are named by ids or a filter, and get a revocation each, see `keys::revoke`.

#![allow(unused_qualifications, reason = "what utoipa writes for query parameters")]

use axum::Json as Answered;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use portcullis_core::list::{BulkScope, BulkState};
use portcullis_issuer::actions::BulkView;
use portcullis_issuer::actions::{BulkRevocation, BulkSelection, Care, scopes};
use portcullis_issuer::committed::Committed;
use portcullis_issuer::error::Error;
use portcullis_issuer::issuer::Issuer;
use serde::Deserialize;
use utoipa::ToSchema;

use super::caller::Admin;
use super::committed::{Made, WaitQuery, committed_and_waited};
use super::extract::{Json, Path, Query};
use super::fields::instant;
use super::problem::Problem;
use super::require::{KeysRead, KeysRevoke, Require, Routes, operation};
use crate::view::keys::DryRunAnswer;
use crate::view::records::{BulkAnswer, BulkRevocationsAnswer};

pub(super) fn routes() -> Routes {
    Routes::new().and(operation!(create)).and(operation!(list)).and(operation!(lift))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BulkRevocationBody {
    state: Option<String>,
    owner: Option<u32>,
    kid: Option<u16>,
    environment: Option<String>,
    issued_from: Option<String>,
    issued_before: Option<String>,
    /// The person that the caller acts for. The actor in the audit trail is the caller's admin key.
    by: Option<String>,
    /// Only report how many keys the entry would affect.
    #[serde(default)]
    dry_run: bool,
    /// The number of keys that a dry run reported. If it has changed since, nothing is done (409).
    confirm: Option<u64>,
    /// Allow the request to affect the last admin key that can create others.
    #[serde(default)]
    last_admin: bool,
    /// The reason, for the audit trail. The settings may require it.
    reason: Option<String>,
}

/// The new entry, or the result of a dry run.
enum BulkAnswers {
    Made(Box<BulkAnswer>),
    DryRun(DryRunAnswer),
}

impl IntoResponse for BulkAnswers {
    fn into_response(self) -> Response {
        match self {
            Self::Made(answer) => Made(*answer).into_response(),
            Self::DryRun(answer) => Answered(answer).into_response(),
        }
    }
}

/// Revoke or suspend many keys at once, by owner, signer, environment or time of issue.
#[utoipa::path(
    post, path = "/bulk-revocations", tag = "bulk-revocations", operation_id = "create_bulk_revocation",
    params(WaitQuery),
    request_body = BulkRevocationBody,
    responses(
        (status = 200, description = "The result of a dry run", body = DryRunAnswer),
        (status = 201, description = "Revoked and published", body = BulkAnswer),
        (status = 202, description = "Revoked, not yet published", body = BulkAnswer)
    )
)]
async fn create(
    Require { issuer, admin, .. }: Require<KeysRevoke>,
    Query(wait): Query<WaitQuery>,
    Json(body): Json<BulkRevocationBody>,
) -> Result<BulkAnswers, Problem> {
    let state = match body.state.as_deref() {
        None | Some("revoked") => BulkState::Revoked,
        Some("suspended") => BulkState::Suspended,
        Some(_) => {
            let reason = "must be revoked or suspended";
            return Err(Error::Invalid { field: "state", reason }.into());
        }
    };
    let invalid = Error::Invalid { field: "environment", reason: "must be live or test" };
    // At most one of owner, signer and environment selects the keys. Without any, the time of issue
    // alone does.
    let whose = match (body.owner, body.kid, body.environment.as_deref()) {
        (Some(owner), None, None) => BulkSelection::Owner(owner),
        (None, Some(kid), None) => BulkSelection::Kid(kid),
        (None, None, Some(name)) => BulkSelection::Environment(name.parse().map_err(|_| invalid)?),
        (None, None, None) => BulkSelection::Everybody,
        _ => {
            let reason = "and `kid` and `environment` exclude each other: send one at a time";
            return Err(Error::Invalid { field: "owner", reason }.into());
        }
    };
    check_reach(&admin, matches!(whose, BulkSelection::Owner(_)))?;
    let what = BulkRevocation {
        whose,
        state,
        issued_from: instant(body.issued_from.as_deref(), "issued_from")?,
        issued_before: instant(body.issued_before.as_deref(), "issued_before")?,
        by: body.by,
    };
    if body.dry_run {
        let preview = issuer.bulk().preview(&what).await?;
        return Ok(BulkAnswers::DryRun(DryRunAnswer::of(preview, None)));
    }
    let issuer = issuer.because(body.reason.as_deref())?;
    let care = Care { confirm: body.confirm, last_admin: body.last_admin };
    let Committed { value: entry, publication } = issuer.bulk().revoke_with(&what, &care).await?;
    let answer = BulkView::new(&entry);
    let answer = committed_and_waited(&issuer, answer, &publication, &wait).await?;
    Ok(BulkAnswers::Made(Box::new(answer)))
}

/// List all bulk revocations and suspensions.
#[utoipa::path(
    get, path = "/bulk-revocations", tag = "bulk-revocations", operation_id = "list_bulk_revocations",
    responses(
        (status = 200, description = "All bulk revocations and suspensions", body = BulkRevocationsAnswer)
    )
)]
async fn list(
    _: Require<KeysRead>,
    State(issuer): State<Issuer>,
) -> Result<Answered<BulkRevocationsAnswer>, Problem> {
    let entries = issuer.bulk().list().await?;
    Ok(Answered(BulkRevocationsAnswer {
        bulk_revocations: entries.iter().map(BulkView::new).collect(),
    }))
}

/// Lift a bulk suspension.
#[utoipa::path(
    post, path = "/bulk-revocations/{id}/lift", tag = "bulk-revocations", operation_id = "lift_bulk_revocation",
    params(("id" = i64, Path, description = "The entry's number"), WaitQuery),
    responses(
        (status = 200, description = "Done and published", body = BulkAnswer),
        (status = 202, description = "Done, not yet published", body = BulkAnswer)
    )
)]
async fn lift(
    Require { issuer, admin, .. }: Require<KeysRevoke>,
    Path(id): Path,
    Query(wait): Query<WaitQuery>,
) -> Result<BulkAnswer, Problem> {
    let id = id.parse().map_err(|_| Error::Unknown { what: "bulk revocation" })?;
    let entries = issuer.bulk().list().await?;
    if let Some(record) = entries.iter().find(|record| record.id == id) {
        check_reach(&admin, matches!(record.entry.scope, BulkScope::Owner(_)))?;
    }
    let Committed { value: entry, publication } = issuer.bulk().lift(id, None).await?;
    Ok(committed_and_waited(&issuer, BulkView::new(&entry), &publication, &wait).await?)
}

/// Admin keys have no owner, but they have a signer, an environment and a time of issue. A request
/// that may revoke admin keys, or make them valid again, therefore needs the scope for changing
/// them.
fn check_reach(admin: &Admin, owners_alone: bool) -> Result<(), Error> {
    if owners_alone {
        return Ok(());
    }
    scopes::check_grant(&admin.scopes, &[scopes::ADMINS_WRITE.to_owned()])
}
