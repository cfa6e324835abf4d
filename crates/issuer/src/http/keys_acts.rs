//! Acts on a key: revoking, suspending, rolling, changing its sales channels, verifying it.

#![allow(unused_qualifications, reason = "what utoipa writes for query parameters")]

use std::time::Duration;

use axum::Extension;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use portcullis_core::token::Kind;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Settings;
use super::auth;
use super::body::{Json, Query};
use super::committed::{WaitQuery, committed, committed_and_waited};
use super::idempotency::{self, Repeatable};
use super::keys::{check_may_change_all, minted_view, view, views};
use super::keys_change::answer_change;
use super::keys_query::{Filter, algorithm, environment, kind, moment};
use super::problem::Problem;
use super::require::{KeyToChange, KeysRevoke, KeysVerify, KeysWrite, Require, Routes, operation};
use crate::actions::{Care, IfRevoked, Revocation, Roll, Selector, When, scopes};
use crate::committed::Committed;
use crate::error::Error;
use crate::issuer::Issuer;
use crate::names;
use crate::view::keys::{
    AuthenticatedAnswer, ChangedAnswer, CreatedAnswer, DryRunAnswer, RevokedAnswer,
    RevokedKeysView, RevokedManyAnswer, RevokedManyAnswers, RolledAnswer, RolledKey,
    SelfRevokedKey,
};
use crate::view::{KeyView, VerdictView};

pub(super) fn routes() -> Routes {
    Routes::new()
        .and(operation!(revoke_many))
        .and(operation!(authenticate))
        .and(operation!(revoke))
        .and(operation!(suspend))
        .and(operation!(resume))
        .and(operation!(roll))
        .and(operation!(sales_channels))
        .and(operation!(verify))
}

/// Routes for the holder of a key. The key itself authenticates the request.
pub(super) fn self_routes() -> Router<Issuer> {
    Router::new()
        .route("/revoke", post(revoke_self))
        .fallback(super::no_such_resource)
        .method_not_allowed_fallback(super::wrong_method)
        .layer(middleware::map_response(super::never_cached))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RevokeBody {
    in_seconds: Option<u64>,
    at: Option<String>,
    /// In whose name; the trail's actor is the admin key that is sent.
    revoked_by: Option<String>,
    /// What becomes of keys that are revoked already: `refuse` (409, and nothing is changed), which is
    /// what is done if nothing is said, or `skip`.
    if_revoked: Option<String>,
    /// It may be the last admin key that can make others.
    #[serde(default)]
    last_admin: bool,
    /// Why; the trail tells it. The settings may ask for it.
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

/// Revoke a key, now or from a moment on, and publish.
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
    /// In whose name; the trail's actor is the admin key that is sent.
    revoked_by: Option<String>,
    /// What becomes of keys among `ids` that are revoked already: `refuse` (409 names them, and nothing
    /// is changed), which is what is done if nothing is said, or `skip`.
    if_revoked: Option<String>,
    /// Only say which keys would be revoked.
    #[serde(default)]
    dry_run: bool,
    /// How many keys a dry run told of: if there are more or fewer by now, nothing is done (409).
    confirm: Option<u64>,
    /// The last admin key that can make others may be among them.
    #[serde(default)]
    last_admin: bool,
    /// Why; the trail tells it. The settings may ask for it.
    reason: Option<String>,
}

/// Revoke many keys, by their ids or by what they are like, all or none.
#[utoipa::path(
    post, path = "/keys/revoke", tag = "keys", operation_id = "revoke_keys",
    params(WaitQuery),
    request_body = RevokeManyBody,
    responses(
        (status = 200, description = "Revoked and published; of a dry run, what would be", body = RevokedManyAnswers),
        (status = 202, description = "Revoked, not yet published", body = RevokedManyAnswer)
    )
)]
async fn revoke_many(
    Require { issuer, admin, .. }: Require<KeysRevoke>,
    Query(wait): Query<WaitQuery>,
    Json(body): Json<RevokeManyBody>,
) -> Result<RevokedManyAnswers, Problem> {
    // Select keys by ids, each of which the caller may change, or by a filter that is narrowed to
    // keys that the caller may change.
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

async fn revoke_self(
    State(issuer): State<Issuer>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some(token) = auth::bearer(&headers) else {
        let detail = "send the key that is to be revoked as `Authorization: Bearer <key>`";
        return Ok(auth::refuse(r#"Bearer realm="portcullis""#, "no_key", detail));
    };
    match issuer.keys().revoke_by_token(token).await {
        Ok(revoked) => {
            auth::note_actor(&revoked.value.id);
            let key = view(&issuer, &revoked.value).await?;
            let KeyView { id, state, revoked_at, .. } = key;
            let answer = SelfRevokedKey { id, state, revoked_at };
            Ok(committed(&issuer, answer, &revoked.publication).into_response())
        }
        Err(error) => Ok(challenge(error)),
    }
}

fn challenge(error: Error) -> Response {
    let foreign = matches!(error, Error::NotAuthentic);
    let mut response = Problem::from(error).into_response();
    if foreign {
        let challenge =
            HeaderValue::from_static(r#"Bearer realm="portcullis", error="invalid_token""#);
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ByBody {
    by: Option<String>,
    /// Why; the trail tells it. The settings may ask for it.
    reason: Option<String>,
}

/// Suspend a key: it is refused until it is resumed.
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

/// Lift a key's suspension.
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

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RollBody {
    overlap_seconds: Option<u64>,
    rolled_by: Option<String>,
    owner: Option<u32>,
    policy: Option<u32>,
    algorithm: Option<String>,
    /// The new key's label, `""` for none; the old key's, if nothing is said.
    label: Option<String>,
    expires_in_seconds: Option<u64>,
    expires_at: Option<String>,
    #[serde(default)]
    never_expires: bool,
    /// Why; the trail tells it. The settings may ask for it.
    reason: Option<String>,
}

/// Put a new key in a key's place; both are valid for the overlap.
#[utoipa::path(
    post, path = "/keys/{id}/roll", tag = "keys", operation_id = "roll_key",
    params(
        ("id" = String, Path, description = "The key's id, apk_…"),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for the request: sent again within a day, or the window that the operator set, it answers the same new key")
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

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChannelsBody {
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
}

/// Attach sales channels to a publishable key, and detach them.
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

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VerifyBody {
    token: String,
    kind: Option<String>,
    environment: Option<String>,
}

/// Verify a key as a gate would.
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

/// Verify a key by its record, strictly, and answer the record.
#[utoipa::path(
    post, path = "/keys/authenticate", tag = "keys", operation_id = "authenticate_key",
    request_body = VerifyBody,
    responses(
        (status = 200, description = "The record, or the precise reason", body = AuthenticatedAnswer)
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
