//! `/v1/keys` and `/v1/keys/{id}`: records, and making keys.

use axum::Extension;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use portcullis_core::token::{Environment, Kind};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::auth::Admin;
use super::body::{Json, OneOrMany, Path, Query};
use super::keys_query::{Filter, algorithm, environment, kind, moment};
use super::list::committed;
use super::problem::Problem;
use crate::error::Error;
use crate::issuer::Issuer;
use crate::record::{KeyPurpose, KeyRecord};
use crate::rules::{Changed, Idempotency, Minted, NewKey, Update, Upsert, check_fixed};
use crate::view::KeyView;

/// How many keys one request makes at most.
const MAX_KEYS: usize = 1000;

pub(super) fn routes() -> Router<Issuer> {
    Router::new()
        .route("/keys", post(create).get(list).put(upsert))
        .route("/keys/{id}", get(show).post(update).patch(update).delete(delete))
        .route("/keys/delete", post(delete_many))
        .route("/keys/undo", post(undo_many))
        .route("/keys/{id}/undo", post(undo))
}

pub(super) type Answer = Result<Response, Problem>;

/// Says in which answers what was made before is told again.
const REPLAYED: &str = "idempotency-replayed";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateBody {
    title: String,
    kind: Option<String>,
    environment: Option<String>,
    algorithm: Option<String>,
    #[serde(default)]
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

impl CreateBody {
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

async fn create(
    State(issuer): State<Issuer>,
    Extension(admin): Extension<Admin>,
    headers: HeaderMap,
    Json(body): Json<OneOrMany<CreateBody>>,
) -> Answer {
    let (bodies, many) = match body {
        OneOrMany::One(body) => (vec![body], false),
        OneOrMany::Many(bodies) => (bodies, true),
    };
    check_many(bodies.len())?;
    let new: Result<Vec<NewKey>, Error> =
        bodies.into_iter().map(|body| body.new_key(&admin)).collect();
    let idempotency = idempotency(&headers, &admin)?;
    let made = issuer.create_all(&new?, idempotency.as_ref()).await?;
    let mut answers = Vec::with_capacity(made.keys.len());
    for minted in &made.keys {
        answers.push(minted_view(&issuer, minted).await?);
    }
    let answer = match answers.pop() {
        Some(one) if !many => one,
        last => answers.into_iter().chain(last).collect(),
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
fn idempotency(headers: &HeaderMap, admin: &Admin) -> Result<Option<Idempotency>, Error> {
    let Some(name) = headers.get("idempotency-key") else { return Ok(None) };
    let reason = "must be 1 to 255 visible ASCII characters";
    let name = name.to_str().ok().filter(|name| !name.is_empty());
    let name = name.ok_or(Error::Invalid { field: "Idempotency-Key", reason })?;
    Ok(Some(Idempotency::new(&admin.id, name)))
}

pub(super) async fn minted_view(issuer: &Issuer, minted: &Minted) -> Result<Value, Error> {
    let key = view(issuer, &minted.record).await?;
    Ok(json!({ "key": key, "token": minted.token.as_str() }))
}

async fn list(State(issuer): State<Issuer>, Query(filter): Query<Filter>) -> Answer {
    let page = issuer.list_keys(&filter.query()?).await?;
    let keys = views(&issuer, &page.keys).await?;
    let mut answer = json!({ "keys": keys, "next_cursor": page.next_cursor });
    if let (Some(count), Some(answer)) = (page.count, answer.as_object_mut()) {
        answer.insert("count".into(), count.into());
    }
    Ok(axum::Json(answer).into_response())
}

async fn show(State(issuer): State<Issuer>, Path(id): Path) -> Answer {
    let record = issuer.show(&id).await.map_err(|error| Problem::about(&id, error))?;
    Ok(axum::Json(view(&issuer, &record).await?).into_response())
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
            Some(Value::String(id)) => all.push(Upsert::Update(id, read_update(body)?.0)),
            Some(_) => {
                return Err(Error::Invalid { field: "id", reason: "must be a text" }.into());
            }
            None => {
                let read = serde_json::from_value::<CreateBody>(Value::Object(body));
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
    Ok(axum::Json(json!({ "created": created, "updated": updated })).into_response())
}

async fn delete(
    State(issuer): State<Issuer>,
    Extension(admin): Extension<Admin>,
    Path(id): Path,
) -> Answer {
    let deleted = issuer.delete(std::slice::from_ref(&id), Some(&admin.id)).await;
    deleted.map_err(|error| not_found_one(&id, error))?;
    Ok(axum::Json(json!({ "id": id, "object": "api_key", "deleted": true })).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IdsBody {
    ids: Vec<String>,
}

async fn delete_many(
    State(issuer): State<Issuer>,
    Extension(admin): Extension<Admin>,
    Json(body): Json<IdsBody>,
) -> Answer {
    let ids = issuer.delete(&body.ids, Some(&admin.id)).await?;
    Ok(axum::Json(json!({ "ids": ids, "object": "api_key", "deleted": true })).into_response())
}

async fn undo(
    State(issuer): State<Issuer>,
    Extension(admin): Extension<Admin>,
    Path(id): Path,
) -> Answer {
    let undone = issuer.undo_create(std::slice::from_ref(&id), Some(&admin.id)).await;
    let undone = undone.map_err(|error| not_found_one(&id, error))?;
    let answer = json!({ "id": id, "object": "api_key", "deleted": true });
    Ok(committed(&issuer, answer, StatusCode::OK, undone.published))
}

async fn undo_many(
    State(issuer): State<Issuer>,
    Extension(admin): Extension<Admin>,
    Json(body): Json<IdsBody>,
) -> Answer {
    let undone = issuer.undo_create(&body.ids, Some(&admin.id)).await?;
    let ids: Vec<&str> = undone.records.iter().map(|record| record.id.as_str()).collect();
    let answer = json!({ "ids": ids, "object": "api_key", "deleted": true });
    Ok(committed(&issuer, answer, StatusCode::OK, undone.published))
}

/// An error about several keys, where there was but one.
fn not_found_one(id: &str, error: Error) -> Problem {
    let error = if matches!(error, Error::NoSuchKeys(_)) { Error::NotFound } else { error };
    Problem::about(id, error)
}

pub(super) async fn view(issuer: &Issuer, record: &KeyRecord) -> Result<KeyView, Error> {
    let view = issuer.view().await?;
    Ok(KeyView::new(record, view.replica().keyring(), issuer.now()))
}

pub(super) async fn views(issuer: &Issuer, records: &[KeyRecord]) -> Result<Vec<KeyView>, Error> {
    let view = issuer.view().await?;
    let (keyring, now) = (view.replica().keyring(), issuer.now());
    Ok(records.iter().map(|record| KeyView::new(record, keyring, now)).collect())
}
