//! `/v1/list`: the published list and its targets, and publishing now.

use axum::Json;
use axum::extract::State;
use portcullis_issuer::issuer::Issuer;

use super::problem::Problem;
use super::require::{ListPublish, ListRead, Require, Routes, operation};
use crate::view::targets::ListAnswer;

pub(super) fn routes() -> Routes {
    Routes::new().and(operation!(show)).and(operation!(publish))
}

/// Show the published list and its targets.
#[utoipa::path(
    get, path = "/list", tag = "list", operation_id = "show_list",
    responses((status = 200, description = "The published list and its targets", body = ListAnswer))
)]
async fn show(
    _: Require<ListRead>,
    State(issuer): State<Issuer>,
) -> Result<Json<ListAnswer>, Problem> {
    Ok(Json(ListAnswer::of(&issuer).await?))
}

/// Publish a new list and stamp now.
#[utoipa::path(
    post, path = "/list/publish", tag = "list", operation_id = "publish_list",
    responses((status = 200, description = "The list that is published now, and its targets", body = ListAnswer))
)]
async fn publish(
    Require { issuer, .. }: Require<ListPublish>,
) -> Result<Json<ListAnswer>, Problem> {
    issuer.list().publish().await?;
    issuer.list().renew_status_lists().await?;
    Ok(Json(ListAnswer::of(&issuer).await?))
}
