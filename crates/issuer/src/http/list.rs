//! `/v1/list`: what is published and where, and publishing now.

use axum::Json;
use axum::extract::State;

use super::problem::Problem;
use super::require::{ListPublish, ListRead, Require, Routes, operation};
use crate::issuer::Issuer;
use crate::view::targets::ListAnswer;

pub(super) fn routes() -> Routes {
    Routes::new().and(operation!(show)).and(operation!(publish))
}

/// Show what is published.
#[utoipa::path(
    get, path = "/list", tag = "list", operation_id = "show_list",
    responses((status = 200, description = "What is published", body = ListAnswer))
)]
async fn show(
    _: Require<ListRead>,
    State(issuer): State<Issuer>,
) -> Result<Json<ListAnswer>, Problem> {
    Ok(Json(ListAnswer::of(&issuer).await?))
}

/// Publish now.
#[utoipa::path(
    post, path = "/list/publish", tag = "list", operation_id = "publish_list",
    responses((status = 200, description = "What is published now", body = ListAnswer))
)]
async fn publish(
    Require { issuer, .. }: Require<ListPublish>,
) -> Result<Json<ListAnswer>, Problem> {
    issuer.list().publish().await?;
    issuer.list().renew_status_lists().await?;
    Ok(Json(ListAnswer::of(&issuer).await?))
}
