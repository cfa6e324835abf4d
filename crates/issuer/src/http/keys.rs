//! `/v1/keys` and `/v1/keys/{id}`: records, and making keys.

#![allow(unused_qualifications, reason = "what utoipa writes for query parameters")]

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use portcullis_core::token::{Environment, Kind};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Settings;
use super::auth::Admin;
use super::body::{Json, OneOrMany, Path, Query};
use super::keys_query::{Filter, algorithm, environment, kind, moment};
use super::list::committed;
use super::problem::Problem;
use crate::error::Error;
use crate::issuer::Issuer;
use crate::record::{KeyPurpose, KeyRecord};
use crate::rules::{Changed, Idempotency, Minted, NewKey, Update, Upsert, check_fixed};
use crate::view::keys::{
    ChangedAnswer, CreatedAnswer, CreatedAnswers, DeletedAnswer, DeletedManyAnswer, PageAnswer,
    UndoneAnswer, UndoneManyAnswer, UpsertedAnswer,
};
use crate::view::{Around, KeyView};

/// How many keys one request makes at most.
const MAX_KEYS: usize = 1000;

pub(super) fn routes() -> OpenApiRouter<Issuer> {
    OpenApiRouter::new()
        .routes(routes!(create, list, upsert))
        .routes(routes!(show, update, update_by_post, delete))
        .routes(routes!(delete_many))
        .routes(routes!(undo_many))
        .routes(routes!(undo))
}

pub(super) type Answer = Result<Response, Problem>;

/// Says in which answers what was made before is told again.
const REPLAYED: &str = "idempotency-replayed";

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateKeyBody {
    title: String,
    kind: Option<String>,
    environment: Option<String>,
    algorithm: Option<String>,
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
    created_by: Option<String>,
}

/// What [`OneOrMany`] reads.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "described here, read as `OneOrMany` for the sake of its errors")]
enum CreateKeysBody {
    One(CreateKeyBody),
    Many(Vec<CreateKeyBody>),
}

impl CreateKeyBody {
    fn new_key(self, admin: &Admin) -> Result<NewKey, Error> {
        Ok(NewKey {
            purpose: KeyPurpose::Token,
            kind: kind(self.kind.as_deref())?.unwrap_or(Kind::Secret),
            environment: environment(self.environment.as_deref())?.unwrap_or(Environment::Live),
            algorithm: algorithm(self.algorithm.as_deref())?,
            title: self.title,
            metadata: self.metadata,
            admin_scopes: Vec::new(),
            owner: self.owner,
            policy: self.policy,
            sales_channels: self.sales_channels,
            expires: moment(self.expires_in_seconds, self.expires_at.as_deref(), "expires_at")?,
            created_by: self.created_by.or_else(|| Some(admin.id.clone())),
        })
    }
}

/// Make keys, one or up to 1000, all of them or none; their texts are answered this once.
#[utoipa::path(
    post, path = "/keys", tag = "keys", operation_id = "create_keys",
    params(("Idempotency-Key" = Option<String>, Header, description = "A name for the request: sent again within a day, or the window that the operator set, it answers the same keys")),
    request_body = CreateKeysBody,
    security(("admin_key" = ["keys:write"])),
    responses(
        (status = 201, description = "The key and its text, or a list of them", body = CreatedAnswers)
    )
)]
async fn create(
    State(issuer): State<Issuer>,
    Extension(admin): Extension<Admin>,
    Extension(settings): Extension<Settings>,
    headers: HeaderMap,
    Json(body): Json<OneOrMany<CreateKeyBody>>,
) -> Answer {
    let (bodies, many) = match body {
        OneOrMany::One(body) => (vec![body], false),
        OneOrMany::Many(bodies) => (bodies, true),
    };
    check_many(bodies.len())?;
    let new: Result<Vec<NewKey>, Error> =
        bodies.into_iter().map(|body| body.new_key(&admin)).collect();
    let idempotency = idempotency(&headers, &admin, settings)?;
    let made = issuer.create_all(&new?, idempotency.as_ref()).await?;
    let mut answers = Vec::with_capacity(made.keys.len());
    for minted in &made.keys {
        answers.push(minted_view(&issuer, minted).await?);
    }
    let answer = match answers.pop() {
        Some(one) if !many => CreatedAnswers::One(Box::new(one)),
        last => CreatedAnswers::Many(answers.into_iter().chain(last).collect()),
    };
    let mut response = (StatusCode::CREATED, axum::Json(answer)).into_response();
    if made.repeated {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

fn check_many(many: usize) -> Result<(), Error> {
    let reason = "must be 1 to 1000 in one request";
    if (1..=MAX_KEYS).contains(&many) {
        Ok(())
    } else {
        Err(Error::Invalid { field: "keys", reason })
    }
}

/// The name that the caller gives the request. Different callers' names do not meet.
fn idempotency(
    headers: &HeaderMap,
    admin: &Admin,
    settings: Settings,
) -> Result<Option<Idempotency>, Error> {
    let Some(name) = headers.get("idempotency-key") else { return Ok(None) };
    let reason = "must be 1 to 255 visible ASCII characters";
    let name = name.to_str().ok().filter(|name| !name.is_empty());
    let name = name.ok_or(Error::Invalid { field: "Idempotency-Key", reason })?;
    let window = settings.idempotency_window.unwrap_or(Idempotency::DEFAULT_WINDOW);
    Ok(Some(Idempotency { window, ..Idempotency::new(&admin.id, name) }))
}

pub(super) async fn minted_view(issuer: &Issuer, minted: &Minted) -> Result<CreatedAnswer, Error> {
    let key = view(issuer, &minted.record).await?;
    Ok(CreatedAnswer { key, token: minted.token.to_string() })
}

/// List keys, newest first.
#[utoipa::path(
    get, path = "/keys", tag = "keys", operation_id = "list_keys",
    params(Filter),
    security(("admin_key" = ["keys:read"])),
    responses(
        (status = 200, description = "A page of keys", body = PageAnswer)
    )
)]
async fn list(State(issuer): State<Issuer>, Query(filter): Query<Filter>) -> Answer {
    let page = issuer.list_keys(&filter.query()?).await?;
    let keys = views(&issuer, &page.keys).await?;
    let answer = PageAnswer { keys, next_cursor: page.next_cursor, count: page.count };
    Ok(axum::Json(answer).into_response())
}

/// Show one key.
#[utoipa::path(
    get, path = "/keys/{id}", tag = "keys", operation_id = "show_key",
    params(("id" = String, Path, description = "The key's id, apk_…")),
    security(("admin_key" = ["keys:read"])),
    responses(
        (status = 200, description = "The key", body = KeyView)
    )
)]
async fn show(State(issuer): State<Issuer>, Path(id): Path) -> Answer {
    let record = issuer.show(&id).await.map_err(|error| Problem::about(&id, error))?;
    Ok(axum::Json(view(&issuer, &record).await?).into_response())
}

/// What an update may hold, as [`read_update`] reads it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described here, read field by field for the sake of what is refused")]
struct UpdateKeyBody {
    title: Option<String>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
    sales_channels: Option<Vec<String>>,
    updated_by: Option<String>,
}

/// A key to be changed where it has an `id`, to be made where it has none.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "as with `UpdateKeyBody`")]
struct UpsertKeyBody {
    id: Option<String>,
    title: Option<String>,
    kind: Option<String>,
    environment: Option<String>,
    algorithm: Option<String>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
    owner: Option<u32>,
    policy: Option<u32>,
    sales_channels: Option<Vec<String>>,
    expires_in_seconds: Option<u64>,
    expires_at: Option<String>,
    created_by: Option<String>,
}

/// What [`OneOrMany`] reads.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "as with `CreateKeysBody`")]
enum UpsertKeysBody {
    One(Box<UpsertKeyBody>),
    Many(Vec<UpsertKeyBody>),
}

/// What a body asks to be changed, and by whom.
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
    security(("admin_key" = ["keys:write"])),
    responses(
        (status = 200, description = "The key as it is now", body = ChangedAnswer),
        (status = 202, description = "Changed, not yet published", body = ChangedAnswer)
    )
)]
async fn update(
    State(issuer): State<Issuer>,
    Extension(admin): Extension<Admin>,
    Path(id): Path,
    Json(body): Json<Map<String, Value>>,
) -> Answer {
    let (update, by) = read_update(body)?;
    let by = by.unwrap_or(admin.id);
    let changed = issuer.update(&id, &update, Some(&by)).await;
    answer_change(&issuer, &id, changed).await
}

/// The same for clients that know no PATCH.
#[utoipa::path(
    post, path = "/keys/{id}", tag = "keys", operation_id = "update_key_by_post",
    params(("id" = String, Path, description = "The key's id, apk_…")),
    request_body = UpdateKeyBody,
    security(("admin_key" = ["keys:write"])),
    responses(
        (status = 200, description = "The key as it is now", body = ChangedAnswer),
        (status = 202, description = "Changed, not yet published", body = ChangedAnswer)
    )
)]
async fn update_by_post(
    issuer: State<Issuer>,
    admin: Extension<Admin>,
    id: Path,
    body: Json<Map<String, Value>>,
) -> Answer {
    update(issuer, admin, id, body).await
}

/// A record that was changed, and whether that is published, where lists tell of it.
pub(super) async fn answer_change(
    issuer: &Issuer,
    id: &str,
    changed: Result<Changed, Error>,
) -> Answer {
    let changed = changed.map_err(|error| Problem::about(id, error))?;
    let key = json!(view(issuer, &changed.record).await?);
    Ok(match changed.published {
        Some(published) => committed(issuer, key, StatusCode::OK, published),
        None => axum::Json(key).into_response(),
    })
}

/// Make keys without an `id` and change those with one, all or none.
#[utoipa::path(
    put, path = "/keys", tag = "keys", operation_id = "upsert_keys",
    request_body = UpsertKeysBody,
    security(("admin_key" = ["keys:write"])),
    responses(
        (status = 200, description = "What was made and changed", body = UpsertedAnswer)
    )
)]
async fn upsert(
    State(issuer): State<Issuer>,
    Extension(admin): Extension<Admin>,
    Json(body): Json<OneOrMany<Map<String, Value>>>,
) -> Answer {
    let bodies = match body {
        OneOrMany::One(body) => vec![body],
        OneOrMany::Many(bodies) => bodies,
    };
    check_many(bodies.len())?;
    let mut all = Vec::with_capacity(bodies.len());
    for mut body in bodies {
        match body.remove("id") {
            Some(Value::String(id)) => {
                issuer.check_may_change(&admin.scopes, &id).await?;
                all.push(Upsert::Update(id, read_update(body)?.0));
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
                all.push(Upsert::Create(new.new_key(&admin)?));
            }
        }
    }
    let (made, changed) = issuer.upsert(&all, Some(&admin.id)).await?;
    let mut created = Vec::with_capacity(made.len());
    for minted in &made {
        created.push(minted_view(&issuer, minted).await?);
    }
    let updated = views(&issuer, &changed).await?;
    Ok(axum::Json(UpsertedAnswer { created, updated }).into_response())
}

/// Delete the record of a key that is revoked in effect.
#[utoipa::path(
    delete, path = "/keys/{id}", tag = "keys", operation_id = "delete_key",
    params(("id" = String, Path, description = "The key's id, apk_…")),
    security(("admin_key" = ["keys:write"])),
    responses(
        (status = 200, description = "Deleted", body = DeletedAnswer)
    )
)]
async fn delete(
    State(issuer): State<Issuer>,
    Extension(admin): Extension<Admin>,
    Path(id): Path,
) -> Answer {
    let deleted = issuer.delete(std::slice::from_ref(&id), Some(&admin.id)).await;
    deleted.map_err(|error| not_found_one(&id, error))?;
    Ok(axum::Json(DeletedAnswer::of(id)).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct IdsBody {
    ids: Vec<String>,
}

/// Delete the records of keys that are revoked in effect, all or none.
#[utoipa::path(
    post, path = "/keys/delete", tag = "keys", operation_id = "delete_keys",
    request_body = IdsBody,
    security(("admin_key" = ["keys:write"])),
    responses(
        (status = 200, description = "Deleted", body = DeletedManyAnswer)
    )
)]
async fn delete_many(
    State(issuer): State<Issuer>,
    Extension(admin): Extension<Admin>,
    Json(body): Json<IdsBody>,
) -> Answer {
    check_may_change_all(&issuer, &admin, &body.ids).await?;
    let ids = issuer.delete(&body.ids, Some(&admin.id)).await?;
    Ok(axum::Json(DeletedManyAnswer::of(ids)).into_response())
}

/// Revoke and delete a key that was made in error, in one act.
#[utoipa::path(
    post, path = "/keys/{id}/undo", tag = "keys", operation_id = "undo_key",
    params(("id" = String, Path, description = "The key's id, apk_…")),
    security(("admin_key" = ["keys:revoke"])),
    responses(
        (status = 200, description = "Done and published", body = UndoneAnswer),
        (status = 202, description = "Done, not yet published", body = UndoneAnswer)
    )
)]
async fn undo(
    State(issuer): State<Issuer>,
    Extension(admin): Extension<Admin>,
    Path(id): Path,
) -> Answer {
    let undone = issuer.undo_create(std::slice::from_ref(&id), Some(&admin.id)).await;
    let undone = undone.map_err(|error| not_found_one(&id, error))?;
    let answer = json!(DeletedAnswer::of(id));
    Ok(committed(&issuer, answer, StatusCode::OK, undone.published))
}

/// Revoke and delete keys that were made in error, all or none, in one act.
#[utoipa::path(
    post, path = "/keys/undo", tag = "keys", operation_id = "undo_keys",
    request_body = IdsBody,
    security(("admin_key" = ["keys:revoke"])),
    responses(
        (status = 200, description = "Done and published", body = UndoneManyAnswer),
        (status = 202, description = "Done, not yet published", body = UndoneManyAnswer)
    )
)]
async fn undo_many(
    State(issuer): State<Issuer>,
    Extension(admin): Extension<Admin>,
    Json(body): Json<IdsBody>,
) -> Answer {
    check_may_change_all(&issuer, &admin, &body.ids).await?;
    let undone = issuer.undo_create(&body.ids, Some(&admin.id)).await?;
    let ids = undone.records.iter().map(|record| record.id.clone()).collect();
    let answer = json!(DeletedManyAnswer::of(ids));
    Ok(committed(&issuer, answer, StatusCode::OK, undone.published))
}

/// Refuses what is done to several keys where one of them is an admin key that is beyond the
/// caller; where one is named in the path, the door has looked already.
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

/// An error about several keys, where there was but one.
fn not_found_one(id: &str, error: Error) -> Problem {
    let error = if matches!(error, Error::NoSuchKeys(_)) { Error::NotFound } else { error };
    Problem::about(id, error)
}

pub(super) async fn view(issuer: &Issuer, record: &KeyRecord) -> Result<KeyView, Error> {
    let view = issuer.view().await?;
    Ok(KeyView::new(record, &Around::of(issuer, &view)))
}

pub(super) async fn views(issuer: &Issuer, records: &[KeyRecord]) -> Result<Vec<KeyView>, Error> {
    let view = issuer.view().await?;
    let around = Around::of(issuer, &view);
    Ok(records.iter().map(|record| KeyView::new(record, &around)).collect())
}
