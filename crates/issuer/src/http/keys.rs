//! `/v1/keys…` and `/v1/verify`.

#![allow(unused_qualifications, reason = "what utoipa writes for query parameters")]

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use portcullis_core::token::{Algorithm, Environment, Kind};
use serde::Deserialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::Admin;
use super::body::{Json, Path, Query};
use super::problem::Problem;
use crate::error::Error;
use crate::issuer::Issuer;
use crate::names;
use crate::record::{KeyPurpose, KeyRecord, KeyState};
use crate::rules::{self, Moment, NewKey, Revocation, Roll};
use crate::store::lists::Published;
use crate::view::{
    CreatedAnswer, KeyView, MarkView, PageAnswer, RevokedAnswer, RolledAnswer, VerdictView,
    parse_rfc3339,
};

pub(super) fn routes() -> OpenApiRouter<Issuer> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(show))
        .routes(routes!(revoke))
        .routes(routes!(roll))
        .routes(routes!(verify))
}

type Answer = Result<Response, Problem>;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateBody {
    title: String,
    kind: Option<String>,
    environment: Option<String>,
    algorithm: Option<String>,
    #[serde(default)]
    owner: u32,
    #[serde(default)]
    policy: u32,
    expires_in_seconds: Option<u64>,
    expires_at: Option<String>,
    created_by: Option<String>,
}

/// Make a key; its text is answered this once.
#[utoipa::path(
    post, path = "/keys", tag = "keys", request_body = CreateBody,
    security(("admin_key" = ["keys:write"])),
    responses((status = 201, description = "The key and its text", body = CreatedAnswer))
)]
async fn create(
    State(issuer): State<Issuer>,
    Extension(admin): Extension<Admin>,
    Json(body): Json<CreateBody>,
) -> Answer {
    let expires = moment(body.expires_in_seconds, body.expires_at.as_deref(), "expires_at")?;
    let new = NewKey {
        purpose: KeyPurpose::Token,
        kind: kind(body.kind.as_deref())?.unwrap_or(Kind::Secret),
        environment: environment(body.environment.as_deref())?.unwrap_or(Environment::Live),
        algorithm: algorithm(body.algorithm.as_deref())?,
        title: body.title,
        owner: body.owner,
        policy: body.policy,
        admin_scopes: Vec::new(),
        expires,
        created_by: body.created_by.or(Some(admin.id)),
    };
    let minted = issuer.create(&new).await?;
    let key = view(&issuer, &minted.record).await?;
    let answer = json!({ "key": key, "token": minted.token.as_str() });
    Ok((StatusCode::CREATED, axum::Json(answer)).into_response())
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    kind: Option<String>,
    environment: Option<String>,
    state: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// List keys, newest first.
#[utoipa::path(
    get, path = "/keys", tag = "keys", params(ListQuery),
    security(("admin_key" = ["keys:read"])),
    responses((status = 200, description = "A page of keys", body = PageAnswer))
)]
async fn list(State(issuer): State<Issuer>, Query(query): Query<ListQuery>) -> Answer {
    let reason = "must be active, scheduled, revoked or expired";
    let state = named(query.state.as_deref(), KeyState::from_name, "state", reason)?;
    let query = rules::Query {
        kind: kind(query.kind.as_deref())?,
        environment: environment(query.environment.as_deref())?,
        state,
        limit: query.limit,
        cursor: query.cursor,
    };
    let page = issuer.list_keys(&query).await?;
    let keyring = issuer.view().await?;
    let now = issuer.now();
    let keys = page.keys.iter().map(|key| KeyView::new(key, keyring.replica().keyring(), now));
    let keys: Vec<KeyView> = keys.collect();
    Ok(axum::Json(json!({ "keys": keys, "next_cursor": page.next_cursor })).into_response())
}

/// Show one key.
#[utoipa::path(
    get, path = "/keys/{id}", tag = "keys",
    params(("id" = String, Path, description = "The key's id, apk_…")),
    security(("admin_key" = ["keys:read"])),
    responses((status = 200, description = "The key", body = KeyView))
)]
async fn show(State(issuer): State<Issuer>, Path(id): Path) -> Answer {
    let record = issuer.show(&id).await?;
    Ok(axum::Json(view(&issuer, &record).await?).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RevokeBody {
    in_seconds: Option<u64>,
    at: Option<String>,
    revoked_by: Option<String>,
}

/// Revoke a key, now or from a moment on, and publish.
#[utoipa::path(
    post, path = "/keys/{id}/revoke", tag = "keys", request_body = Option<RevokeBody>,
    params(("id" = String, Path, description = "The key's id, apk_…")),
    security(("admin_key" = ["keys:revoke"])),
    responses(
        (status = 200, description = "Revoked and published", body = RevokedAnswer),
        (status = 202, description = "Revoked, not yet published", body = RevokedAnswer)
    )
)]
async fn revoke(
    State(issuer): State<Issuer>,
    Extension(admin): Extension<Admin>,
    Path(id): Path,
    Json(body): Json<RevokeBody>,
) -> Answer {
    let when = moment(body.in_seconds, body.at.as_deref(), "at")?.unwrap_or(Moment::Now);
    let by = body.revoked_by.or(Some(admin.id));
    let revoked = issuer.revoke(&id, &Revocation { when, by }).await?;
    let key = view(&issuer, &revoked.record).await?;
    Ok(committed(&issuer, json!(key), revoked.published))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RollBody {
    overlap_seconds: Option<u64>,
    rolled_by: Option<String>,
}

/// Put a new key in a key's place; both are valid for the overlap.
#[utoipa::path(
    post, path = "/keys/{id}/roll", tag = "keys", request_body = Option<RollBody>,
    params(("id" = String, Path, description = "The key's id, apk_…")),
    security(("admin_key" = ["keys:write"])),
    responses(
        (status = 200, description = "Rolled and published", body = RolledAnswer),
        (status = 202, description = "Rolled, not yet published", body = RolledAnswer)
    )
)]
async fn roll(
    State(issuer): State<Issuer>,
    Extension(admin): Extension<Admin>,
    Path(id): Path,
    Json(body): Json<RollBody>,
) -> Answer {
    let overlap = body.overlap_seconds.map_or(Roll::DEFAULT_OVERLAP, Duration::from_secs);
    let by = body.rolled_by.or(Some(admin.id));
    let rolled = issuer.roll(&id, &Roll { overlap, by }).await?;
    let answer = json!({
        "key": view(&issuer, &rolled.minted.record).await?,
        "token": rolled.minted.token.as_str(),
        "rolled": view(&issuer, &rolled.old).await?,
    });
    Ok(committed(&issuer, answer, rolled.published))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VerifyBody {
    token: String,
    kind: Option<String>,
    environment: Option<String>,
}

/// Judge a key as a gate would.
#[utoipa::path(
    post, path = "/verify", tag = "keys", request_body = VerifyBody,
    security(("admin_key" = ["keys:verify"])),
    responses((status = 200, description = "The verdict", body = VerdictView))
)]
async fn verify(State(issuer): State<Issuer>, Json(body): Json<VerifyBody>) -> Answer {
    let token = zeroize::Zeroizing::new(body.token);
    let kind = kind(body.kind.as_deref())?;
    let environment = environment(body.environment.as_deref())?;
    let verdict = issuer.verify(&token, kind, environment).await?;
    Ok(axum::Json(VerdictView::new(&verdict, issuer.now())).into_response())
}

/// A change that is committed: 200 where it is published too, else 202 with the reason.
fn committed(
    issuer: &Issuer,
    mut answer: serde_json::Value,
    published: Result<Published, Error>,
) -> Response {
    let (status, fields) = match published {
        Ok(published) => {
            let list = MarkView::of(&published, issuer.now());
            (StatusCode::OK, json!({ "published": true, "list": list }))
        }
        Err(error) => {
            let problem = Problem::from(error);
            let note = "the revocation is committed but not yet published; verifiers learn of it \
                        with the next list";
            let fields = json!({ "published": false, "note": note, "problem": problem });
            (StatusCode::ACCEPTED, fields)
        }
    };
    if let (Some(answer), serde_json::Value::Object(fields)) = (answer.as_object_mut(), fields) {
        answer.extend(fields);
    }
    (status, axum::Json(answer)).into_response()
}

async fn view(issuer: &Issuer, record: &KeyRecord) -> Result<KeyView, Error> {
    let view = issuer.view().await?;
    Ok(KeyView::new(record, view.replica().keyring(), issuer.now()))
}

pub(super) fn moment(
    in_seconds: Option<u64>,
    at: Option<&str>,
    field: &'static str,
) -> Result<Option<Moment>, Error> {
    match (in_seconds, at) {
        (None, None) => Ok(None),
        (Some(seconds), None) => Ok(Some(Moment::In(Duration::from_secs(seconds)))),
        (None, Some(text)) => {
            let reason = "must be a time such as 2026-01-31T12:00:00Z (RFC 3339)";
            let time = parse_rfc3339(text).ok_or(Error::Invalid { field, reason })?;
            Ok(Some(Moment::At(time)))
        }
        (Some(_), Some(_)) => {
            Err(Error::Invalid { field, reason: "and its form in seconds exclude each other" })
        }
    }
}

fn named<T>(
    name: Option<&str>,
    read: impl Fn(&str) -> Option<T>,
    field: &'static str,
    reason: &'static str,
) -> Result<Option<T>, Error> {
    name.map(|name| read(name).ok_or(Error::Invalid { field, reason })).transpose()
}

fn kind(name: Option<&str>) -> Result<Option<Kind>, Error> {
    named(name, names::kind, "kind", "must be secret or publishable")
}

fn environment(name: Option<&str>) -> Result<Option<Environment>, Error> {
    named(name, names::environment, "environment", "must be live or test")
}

fn algorithm(name: Option<&str>) -> Result<Option<Algorithm>, Error> {
    named(name, names::algorithm, "algorithm", "must be ed25519 or hmac-sha256-128")
}
