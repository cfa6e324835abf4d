//! `/v1/owners…`.

#![allow(unused_qualifications, reason = "what utoipa writes for query parameters")]

use axum::Json as Answered;
use axum::extract::State;
use axum::http::StatusCode;
use portcullis_issuer::actions::{NewOwner, OwnerChange};
use portcullis_issuer::error::Error;
use portcullis_issuer::issuer::Issuer;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::extract::{Json, Path, Query};
use super::problem::Problem;
use super::require::{OwnersRead, OwnersWrite, Require, Routes, operation};
use crate::view::records::{OwnerView, OwnersAnswer};

pub(super) fn routes() -> Routes {
    Routes::new()
        .and(operation!(create))
        .and(operation!(list))
        .and(operation!(show))
        .and(operation!(update))
        .and(operation!(delete))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateOwnerBody {
    name: String,
    external_id: Option<String>,
    #[serde(default)]
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
}

/// Create an owner.
#[utoipa::path(
    post, path = "/owners", tag = "owners", operation_id = "create_owner",
    request_body = CreateOwnerBody,
    responses(
        (status = 201, description = "The owner", body = OwnerView)
    )
)]
async fn create(
    Require { issuer, .. }: Require<OwnersWrite>,
    Json(body): Json<CreateOwnerBody>,
) -> Result<(StatusCode, Answered<OwnerView>), Problem> {
    let CreateOwnerBody { name, external_id, metadata } = body;
    let new = NewOwner { name, external_id, metadata, by: None };
    let owner = issuer.owners().create(&new).await?;
    Ok((StatusCode::CREATED, Answered(OwnerView::from(&owner))))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OwnersQuery {
    external_id: Option<String>,
    after: Option<u32>,
    limit: Option<u32>,
}

/// List owners, ordered by number.
#[utoipa::path(
    get, path = "/owners", tag = "owners", operation_id = "list_owners",
    params(OwnersQuery),
    responses(
        (status = 200, description = "A page of owners", body = OwnersAnswer)
    )
)]
async fn list(
    _: Require<OwnersRead>,
    State(issuer): State<Issuer>,
    Query(query): Query<OwnersQuery>,
) -> Result<Answered<OwnersAnswer>, Problem> {
    let (after, limit) = (query.after.unwrap_or(0), query.limit.unwrap_or(50));
    let owners = issuer.owners().list(query.external_id.as_deref(), after, limit).await?;
    let full = usize::try_from(limit).is_ok_and(|limit| owners.len() == limit);
    let next = owners.last().filter(|_| full && query.external_id.is_none());
    let next = next.map(|owner| owner.number);
    let owners = owners.iter().map(OwnerView::from).collect();
    Ok(Answered(OwnersAnswer { owners, next_after: next }))
}

/// Show one owner.
#[utoipa::path(
    get, path = "/owners/{number}", tag = "owners", operation_id = "show_owner",
    params(("number" = u32, Path, description = "The owner's number")),
    responses(
        (status = 200, description = "The owner", body = OwnerView)
    )
)]
async fn show(
    _: Require<OwnersRead>,
    State(issuer): State<Issuer>,
    Path(number): Path,
) -> Result<Answered<OwnerView>, Problem> {
    let owner = issuer.owners().show(read(&number)?).await?;
    Ok(Answered(OwnerView::from(&owner)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateOwnerBody {
    name: Option<String>,
    #[serde(default, deserialize_with = "super::extract::given")]
    #[schema(value_type = Option<String>)]
    external_id: Option<Option<String>>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
}

/// Update an owner.
#[utoipa::path(
    patch, path = "/owners/{number}", tag = "owners", operation_id = "update_owner",
    params(("number" = u32, Path, description = "The owner's number")),
    request_body = UpdateOwnerBody,
    responses(
        (status = 200, description = "The updated owner", body = OwnerView)
    )
)]
async fn update(
    Require { issuer, .. }: Require<OwnersWrite>,
    Path(number): Path,
    Json(body): Json<UpdateOwnerBody>,
) -> Result<Answered<OwnerView>, Problem> {
    let UpdateOwnerBody { name, external_id, metadata } = body;
    let change = OwnerChange { name, external_id, metadata, by: None };
    let owner = issuer.owners().update(read(&number)?, &change).await?;
    Ok(Answered(OwnerView::from(&owner)))
}

/// Delete an owner without keys in force.
#[utoipa::path(
    delete, path = "/owners/{number}", tag = "owners", operation_id = "delete_owner",
    params(("number" = u32, Path, description = "The owner's number")),
    responses(
        (status = 204, description = "Deleted")
    )
)]
async fn delete(
    Require { issuer, .. }: Require<OwnersWrite>,
    Path(number): Path,
) -> Result<StatusCode, Problem> {
    issuer.owners().delete(read(&number)?, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads a number in a path. A text that is no number gives the same error as an unknown number.
fn read(number: &str) -> Result<u32, Error> {
    number.parse().map_err(|_| Error::Unknown { what: "owner" })
}
