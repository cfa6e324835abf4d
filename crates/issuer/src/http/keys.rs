//! `/v1/keys` and `/v1/keys/{id}`: records, and making keys.

#![allow(unused_qualifications, reason = "what utoipa writes for query parameters")]

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use portcullis_core::token::{Environment, Kind};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Settings;
use super::auth::Admin;
use super::body::{Json, OneOrMany, Path, Query};
use super::idempotency::{self, Repeatable};
use super::keys_query::{Filter, algorithm, environment, expiry, kind};
use super::problem::Problem;
use super::require::{KeysRead, KeysWrite, Require, Routes, operation};
use crate::actions::{Minted, NewKey};
use crate::error::Error;
use crate::issuer::Issuer;
use crate::names;
use crate::record::KeyPurpose;
use crate::store::bulk::EffectiveKey;
use crate::view::keys::{CreatedAnswer, CreatedAnswers, PageAnswer};
use crate::view::{KeyContext, KeyView};

/// The most keys that one request can make.
const MAX_KEYS: usize = 1000;

pub(super) fn routes() -> Routes {
    Routes::new().and(operation!(create)).and(operation!(list)).and(operation!(show))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateKeyBody {
    title: String,
    kind: Option<String>,
    environment: Option<String>,
    algorithm: Option<String>,
    /// One of the keyring's labels, `""` for none; its first, if nothing is said.
    label: Option<String>,
    #[serde(default)]
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    #[serde(default)]
    owner: u32,
    #[serde(default)]
    policy: u32,
    #[serde(default)]
    sales_channels: Vec<String>,
    expires_in_seconds: Option<u64>,
    expires_at: Option<String>,
    /// It never expires, whatever the settings name for keys of which nothing is said.
    #[serde(default)]
    never_expires: bool,
    created_by: Option<String>,
}

/// What [`OneOrMany`] reads.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "described here, read as `OneOrMany` for the sake of its errors")]
enum CreateKeysBody {
    One(Box<CreateKeyBody>),
    Many(Vec<CreateKeyBody>),
}

impl CreateKeyBody {
    pub(super) fn new_key(self) -> Result<NewKey, Error> {
        Ok(NewKey {
            purpose: KeyPurpose::Token,
            kind: kind(self.kind.as_deref())?.unwrap_or(Kind::Secret),
            environment: environment(self.environment.as_deref())?.unwrap_or(Environment::Live),
            algorithm: algorithm(self.algorithm.as_deref())?,
            label: self.label.as_deref().map(names::label).transpose()?,
            title: self.title,
            metadata: self.metadata,
            admin_scopes: Vec::new(),
            owner: self.owner,
            policy: self.policy,
            sales_channels: self.sales_channels,
            expires: expiry(
                self.expires_in_seconds,
                self.expires_at.as_deref(),
                self.never_expires,
            )?,
            created_by: self.created_by,
        })
    }
}

/// Make keys, one or up to 1000, all of them or none; their texts are answered this once.
#[utoipa::path(
    post, path = "/keys", tag = "keys", operation_id = "create_keys",
    params(("Idempotency-Key" = Option<String>, Header, description = "A name for the request: sent again within a day, or the window that the operator set, it answers the same keys")),
    request_body = CreateKeysBody,
    responses(
        (status = 201, description = "The key and its text, or a list of them", body = CreatedAnswers)
    )
)]
async fn create(
    Require { issuer, admin, .. }: Require<KeysWrite>,
    Extension(settings): Extension<Settings>,
    headers: HeaderMap,
    Json(body): Json<OneOrMany<CreateKeyBody>>,
) -> Result<Repeatable<(StatusCode, axum::Json<CreatedAnswers>)>, Problem> {
    let (bodies, many) = match body {
        OneOrMany::One(body) => (vec![body], false),
        OneOrMany::Many(bodies) => (bodies, true),
    };
    check_many(bodies.len())?;
    let new: Result<Vec<NewKey>, Error> = bodies.into_iter().map(CreateKeyBody::new_key).collect();
    let idempotency = idempotency::named(&headers, &admin, settings)?;
    let made = issuer.create_all(&new?, idempotency.as_ref()).await?;
    let mut answers = Vec::with_capacity(made.keys.len());
    for minted in &made.keys {
        answers.push(minted_view(&issuer, minted).await?);
    }
    let answer = match answers.pop() {
        Some(one) if !many => CreatedAnswers::One(Box::new(one)),
        last => CreatedAnswers::Many(answers.into_iter().chain(last).collect()),
    };
    let answer = (StatusCode::CREATED, axum::Json(answer));
    Ok(Repeatable { answer, repeated: made.repeated })
}

pub(super) fn check_many(many: usize) -> Result<(), Error> {
    let reason = "must be 1 to 1000 in one request";
    if (1..=MAX_KEYS).contains(&many) {
        Ok(())
    } else {
        Err(Error::Invalid { field: "keys", reason })
    }
}

pub(super) async fn minted_view(issuer: &Issuer, minted: &Minted) -> Result<CreatedAnswer, Error> {
    let key = view(issuer, &minted.record).await?;
    Ok(CreatedAnswer { key, token: minted.token.to_string() })
}

/// List keys, newest first.
#[utoipa::path(
    get, path = "/keys", tag = "keys", operation_id = "list_keys",
    params(Filter),
    responses(
        (status = 200, description = "A page of keys", body = PageAnswer)
    )
)]
async fn list(
    _: Require<KeysRead>,
    State(issuer): State<Issuer>,
    Query(filter): Query<Filter>,
) -> Result<axum::Json<PageAnswer>, Problem> {
    let page = issuer.list_keys(&filter.query()?).await?;
    let keys = views(&issuer, &page.keys).await?;
    let answer = PageAnswer { keys, next_cursor: page.next_cursor, count: page.count };
    Ok(axum::Json(answer))
}

/// Show one key.
#[utoipa::path(
    get, path = "/keys/{id}", tag = "keys", operation_id = "show_key",
    params(("id" = String, Path, description = "The key's id, apk_…")),
    responses(
        (status = 200, description = "The key", body = KeyView)
    )
)]
async fn show(
    _: Require<KeysRead>,
    State(issuer): State<Issuer>,
    Path(id): Path,
) -> Result<axum::Json<KeyView>, Problem> {
    let record = issuer.show(&id).await.map_err(|error| Problem::about(&id, error))?;
    Ok(axum::Json(view(&issuer, &record).await?))
}

/// Refuses an act on several keys if one of them is an admin key that the caller may not change.
/// For a key that the path names, the authentication layer has already checked this.
pub(super) async fn check_may_change_all(
    issuer: &Issuer,
    admin: &Admin,
    ids: &[String],
) -> Result<(), Error> {
    for id in ids {
        issuer.check_may_change(&admin.scopes, id).await?;
    }
    Ok(())
}

pub(super) async fn view(issuer: &Issuer, record: &EffectiveKey) -> Result<KeyView, Error> {
    let view = issuer.view().await?;
    Ok(KeyView::new(record, &KeyContext::of(issuer, &view)))
}

pub(super) async fn views(issuer: &Issuer, keys: &[EffectiveKey]) -> Result<Vec<KeyView>, Error> {
    let view = issuer.view().await?;
    let around = KeyContext::of(issuer, &view);
    Ok(keys.iter().map(|key| KeyView::new(key, &around)).collect())
}
