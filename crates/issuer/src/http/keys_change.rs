//! Changing keys' records.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::body::{Json, OneOrMany};
use super::committed::committed;
use super::keys::{CreateKeyBody, check_many, minted_view, view, views};
use super::problem::Problem;
use super::require::{KeyToChange, KeysWrite, Require, Routes, operation};
use crate::actions::{Update, Upsert, check_fixed};
use crate::committed::Committed;
use crate::error::Error;
use crate::issuer::Issuer;
use crate::store::bulk::EffectiveKey;
use crate::view::keys::{ChangedAnswer, ChangedKey, UpsertedAnswer};

pub(super) fn routes() -> Routes {
    Routes::new().and(operation!(upsert)).and(operation!(update)).and(operation!(update_by_post))
}

/// What an update may hold: whatever is left out stays as it is, and nothing is taken away by null.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described here, read field by field for the sake of what is refused")]
struct UpdateKeyBody {
    #[schema(nullable = false)]
    title: Option<String>,
    #[schema(value_type = Object, required = false)]
    metadata: Option<Map<String, Value>>,
    #[schema(nullable = false)]
    sales_channels: Option<Vec<String>>,
    #[schema(nullable = false)]
    updated_by: Option<String>,
}

/// A key that there is, to be changed.
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

/// A key to be changed where it has an `id`, to be made where it has none.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "as with `UpdateKeyBody`")]
enum UpsertKeyBody {
    Change(ChangeKeyBody),
    Create(CreateKeyBody),
}

/// What [`OneOrMany`] reads.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "as with `CreateKeysBody`")]
enum UpsertKeysBody {
    One(Box<UpsertKeyBody>),
    Many(Vec<UpsertKeyBody>),
}

/// Reads from a body what to change, and in whose name.
fn read_update(mut body: Map<String, Value>) -> Result<(Update, Option<String>), Problem> {
    fn take<T: serde::de::DeserializeOwned>(
        body: &mut Map<String, Value>,
        field: &'static str,
        reason: &'static str,
    ) -> Result<Option<T>, Error> {
        let value = body.remove(field).map(serde_json::from_value);
        value.transpose().map_err(|_| Error::Invalid { field, reason })
    }
    let update = Update {
        title: take(&mut body, "title", "must be a text")?,
        metadata: take(&mut body, "metadata", "must be an object")?,
        sales_channels: take(&mut body, "sales_channels", "must be a list of texts")?,
    };
    let by = take(&mut body, "updated_by", "must be a text")?;
    if let Some(name) = body.keys().next() {
        check_fixed(name)?;
        let detail =
            "there is an unknown field; title, metadata, sales_channels and updated_by are known";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "invalid_json", detail));
    }
    Ok((update, by))
}

/// Change what is kept with a key.
#[utoipa::path(
    patch, path = "/keys/{id}", tag = "keys", operation_id = "update_key",
    params(("id" = String, Path, description = "The key's id, apk_…")),
    request_body = UpdateKeyBody,
    responses(
        (status = 200, description = "The key as it is now", body = ChangedAnswer),
        (status = 202, description = "Changed, not yet published", body = ChangedAnswer)
    )
)]
async fn update(
    Require { issuer, .. }: Require<KeysWrite>,
    KeyToChange(id): KeyToChange,
    Json(body): Json<Map<String, Value>>,
) -> Result<ChangedAnswer, Problem> {
    let (update, by) = read_update(body)?;
    let changed = issuer.update(&id, &update, by.as_deref()).await;
    answer_change(&issuer, &id, changed).await
}

/// The same for clients that know no PATCH.
#[utoipa::path(
    post, path = "/keys/{id}", tag = "keys", operation_id = "update_key_by_post",
    params(("id" = String, Path, description = "The key's id, apk_…")),
    request_body = UpdateKeyBody,
    responses(
        (status = 200, description = "The key as it is now", body = ChangedAnswer),
        (status = 202, description = "Changed, not yet published", body = ChangedAnswer)
    )
)]
async fn update_by_post(
    caller: Require<KeysWrite>,
    id: KeyToChange,
    body: Json<Map<String, Value>>,
) -> Result<ChangedAnswer, Problem> {
    update(caller, id, body).await
}

/// Answers a changed record, and whether the change is published if lists carry it.
pub(super) async fn answer_change(
    issuer: &Issuer,
    id: &str,
    changed: Result<Committed<EffectiveKey>, Error>,
) -> Result<ChangedAnswer, Problem> {
    let changed = changed.map_err(|error| Problem::about(id, error))?;
    let key = ChangedKey(view(issuer, &changed.value).await?);
    Ok(committed(issuer, key, &changed.publication))
}

/// Make keys without an `id` and change those with one, all or none.
#[utoipa::path(
    put, path = "/keys", tag = "keys", operation_id = "upsert_keys",
    request_body = UpsertKeysBody,
    responses(
        (status = 200, description = "What was made and changed", body = UpsertedAnswer)
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
                issuer.check_may_change(&admin.scopes, &id).await?;
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
    let (made, changed) = issuer.upsert(&all).await?;
    let mut created = Vec::with_capacity(made.len());
    for minted in &made {
        created.push(minted_view(&issuer, minted).await?);
    }
    let updated = views(&issuer, &changed).await?;
    Ok(axum::Json(UpsertedAnswer { created, updated }))
}
