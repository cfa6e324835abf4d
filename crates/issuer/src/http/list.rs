//! `/v1/list`: what is out, and putting it out now.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::Problem;
use crate::issuer::Issuer;
use crate::view::ListView;

pub(super) fn routes() -> OpenApiRouter<Issuer> {
    OpenApiRouter::new().routes(routes!(show)).routes(routes!(publish))
}

/// Show what is published.
#[utoipa::path(
    get, path = "/list", tag = "list", operation_id = "show_list",
    security(("admin_key" = ["list:read"])),
    responses((status = 200, description = "What is published", body = ListView))
)]
async fn show(State(issuer): State<Issuer>) -> Result<Response, Problem> {
    let (published, shards) = issuer.overview().await?;
    Ok(Json(ListView::new(&published, &shards, issuer.now())).into_response())
}

/// Publish now.
#[utoipa::path(
    post, path = "/list/publish", tag = "list",
    security(("admin_key" = ["list:publish"])),
    responses((status = 200, description = "What is published now", body = ListView))
)]
async fn publish(State(issuer): State<Issuer>) -> Result<Response, Problem> {
    issuer.publish().await?;
    show(State(issuer)).await
}
