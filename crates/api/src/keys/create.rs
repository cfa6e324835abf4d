//! Making keys.

#![allow(unused_qualifications, reason = "what utoipa writes for query parameters")]

use axum::Extension;
use axum::http::{HeaderMap, StatusCode};
use portcullis_core::token::{Environment, Kind};
use portcullis_issuer::actions::NewKey;
use portcullis_issuer::error::Error;
use portcullis_issuer::names;
use portcullis_issuer::record::KeyPurpose;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::answer::minted_view;
use crate::extract::{Json, OneOrMany};
use crate::fields::{algorithm, check_many, environment, expiry, kind};
use crate::idempotency::{self, Repeatable};
use crate::options::Settings;
use crate::problem::Problem;
use crate::require::{KeysWrite, Require, Routes, operation};
use crate::view::keys::CreatedAnswers;

pub(super) fn routes() -> Routes {
    Routes::new().and(operation!(create))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateKeyBody {
    title: String,
    kind: Option<String>,
    environment: Option<String>,
    algorithm: Option<String>,
    /// One of the keyring's labels, or `""` for no label. Default: the keyring's first label.
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
    /// The key never expires, even if the settings have a default lifetime.
    #[serde(default)]
    never_expires: bool,
    created_by: Option<String>,
    /// Create a canary: a secret key that nothing accepts, and whose use is an alarm.
    #[serde(default)]
    canary: bool,
}

/// The bodies that [`OneOrMany`] reads.
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
            purpose: if self.canary { KeyPurpose::Canary } else { KeyPurpose::Token },
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

/// Create keys: one, or up to 1000, all or none. Tokens are returned only once.
#[utoipa::path(
    post, path = "/keys", tag = "keys", operation_id = "create_keys",
    params(("Idempotency-Key" = Option<String>, Header, description = "A name for the request. The same request, sent again with this name within a day or the window that the operator set, returns the same keys")),
    request_body = CreateKeysBody,
    responses(
        (status = 201, description = "The key and its token, or a list of them", body = CreatedAnswers)
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
    let made = issuer.keys().create_all(&new?, idempotency.as_ref()).await?;
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
