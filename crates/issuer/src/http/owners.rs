//! `/v1/owners…`.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Extension, Json as Answered};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::auth::Admin;
use super::body::{Json, Path, Query};
use super::problem::Problem;
use crate::error::Error;
use crate::issuer::Issuer;
use crate::rules::{NewOwner, OwnerChange};
use crate::view::records::OwnerView;

pub(super) fn routes() -> Router<Issuer> {
    Router::new()
        .route("/owners", post(create).get(list))
        .route("/owners/{number}", get(show).patch(update).delete(delete))
}

type Answer = Result<Response, Problem>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateBody {
    name: String,
    external_id: Option<String>,
    #[serde(default)]
    metadata: Map<String, Value>,
}

async fn create(
    State(issuer): State<Issuer>,
    Extension(admin): Extension<Admin>,
    Json(body): Json<CreateBody>,
) -> Answer {
    let CreateBody { name, external_id, metadata } = body;
    let new = NewOwner { name, external_id, metadata, by: Some(admin.id) };
    let owner = issuer.create_owner(&new).await?;
    Ok((StatusCode::CREATED, Answered(OwnerView::from(&owner))).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    external_id: Option<String>,
    after: Option<u32>,
    limit: Option<u32>,
}

async fn list(State(issuer): State<Issuer>, Query(query): Query<ListQuery>) -> Answer {
    let (after, limit) = (query.after.unwrap_or(0), query.limit.unwrap_or(50));
    let owners = issuer.list_owners(query.external_id.as_deref(), after, limit).await?;
    let full = usize::try_from(limit).is_ok_and(|limit| owners.len() == limit);
    let next = owners.last().filter(|_| full && query.external_id.is_none());
    let next = next.map(|owner| owner.number);
    let owners: Vec<OwnerView> = owners.iter().map(OwnerView::from).collect();
    Ok(Answered(json!({ "owners": owners, "next_after": next })).into_response())
}

async fn show(State(issuer): State<Issuer>, Path(number): Path) -> Answer {
    let owner = issuer.show_owner(read(&number)?).await?;
    Ok(Answered(OwnerView::from(&owner)).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateBody {
    name: Option<String>,
    #[serde(default, deserialize_with = "super::body::given")]
    external_id: Option<Option<String>>,
    metadata: Option<Map<String, Value>>,
}

async fn update(
    State(issuer): State<Issuer>,
    Extension(admin): Extension<Admin>,
    Path(number): Path,
    Json(body): Json<UpdateBody>,
) -> Answer {
    let UpdateBody { name, external_id, metadata } = body;
    let change = OwnerChange { name, external_id, metadata, by: Some(admin.id) };
    let owner = issuer.update_owner(read(&number)?, &change).await?;
    Ok(Answered(OwnerView::from(&owner)).into_response())
}

async fn delete(
    State(issuer): State<Issuer>,
    Extension(admin): Extension<Admin>,
    Path(number): Path,
) -> Answer {
    issuer.delete_owner(read(&number)?, Some(&admin.id)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A number in a path. What is none names nothing that there is.
fn read(number: &str) -> Result<u32, Error> {
    number.parse().map_err(|_| Error::Unknown { what: "owner" })
}
