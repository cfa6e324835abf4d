//! Making keys and changing others in one request.

#![allow(unused_qualifications, reason = "what utoipa writes for query parameters")]

use axum::http::StatusCode;
use portcullis_issuer::actions::Upsert;
use portcullis_issuer::error::Error;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::answer::{minted_view, views};
use super::create::CreateKeyBody;
use super::update::read_update;
use crate::extract::{Json, OneOrMany};
use crate::fields::check_many;
use crate::problem::Problem;
use crate::require::{KeysWrite, Require, Routes, operation};
use crate::view::keys::UpsertedAnswer;

pub(super) fn routes() -> Routes {
    Routes::new().and(operation!(upsert))
}

/// An existing key to update.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "as with `UpdateKeyBody`")]
struct ChangeKeyBody {
    id: String,
    #[schema(nullable = false)]
    title: Option<String>,
    #[schema(value_type = Object, required = false)]
    metadata: Option<Map<String, Value>>,
    #[schema(nullable = false)]
    sales_channels: Option<Vec<String>>,
    #[schema(nullable = false)]
    updated_by: Option<String>,
}

/// A key to update if it has an `id`, otherwise a key to create.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "as with `UpdateKeyBody`")]
enum UpsertKeyBody {
    Change(ChangeKeyBody),
    Create(CreateKeyBody),
}

/// The bodies that [`OneOrMany`] reads.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "as with `CreateKeysBody`")]
enum UpsertKeysBody {
    One(Box<UpsertKeyBody>),
    Many(Vec<UpsertKeyBody>),
}

/// Create the keys without an `id` and update those with one, all or none.
#[utoipa::path(
    put, path = "/keys", tag = "keys", operation_id = "upsert_keys",
    request_body = UpsertKeysBody,
    responses(
        (status = 200, description = "The created and updated keys", body = UpsertedAnswer)
    )
)]
async fn upsert(
    Require { issuer, admin, .. }: Require<KeysWrite>,
    Json(body): Json<OneOrMany<Map<String, Value>>>,
) -> Result<axum::Json<UpsertedAnswer>, Problem> {
    let bodies = match body {
        OneOrMany::One(body) => vec![body],
        OneOrMany::Many(bodies) => bodies,
    };
    check_many(bodies.len())?;
    // Read and check all entries before the one transaction: with an `id` an update, without one a
    // create.
    let mut all = Vec::with_capacity(bodies.len());
    for mut body in bodies {
        match body.remove("id") {
            Some(Value::String(id)) => {
                issuer.admins().check_may_change(&admin.scopes, &id).await?;
                let (update, by) = read_update(body)?;
                all.push(Upsert::Update(id, update, by));
            }
            Some(_) => {
                return Err(Error::Invalid { field: "id", reason: "must be a text" }.into());
            }
            None => {
                let read = serde_json::from_value::<CreateKeyBody>(Value::Object(body));
                let new = read.map_err(|_| {
                    let detail = "a key without an `id` is created: it needs a `title`, and takes \
                                  what POST /v1/keys takes";
                    Problem::new(StatusCode::BAD_REQUEST, "invalid_json", detail)
                })?;
                all.push(Upsert::Create(new.new_key()?));
            }
        }
    }
    let (made, changed) = issuer.keys().upsert(&all).await?;
    let mut created = Vec::with_capacity(made.len());
    for minted in &made {
        created.push(minted_view(&issuer, minted).await?);
    }
    let updated = views(&issuer, &changed).await?;
    Ok(axum::Json(UpsertedAnswer { created, updated }))
}
