//! `/v1/list`: what is out, and putting it out now.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};

use super::problem::Problem;
use crate::issuer::Issuer;
use crate::view::ListView;

pub(super) fn routes() -> Router<Issuer> {
    Router::new().route("/list", get(show)).route("/list/publish", post(publish))
}

async fn show(State(issuer): State<Issuer>) -> Result<Response, Problem> {
    let (published, shards) = issuer.overview().await?;
    Ok(Json(ListView::new(&published, &shards, issuer.now())).into_response())
}

async fn publish(State(issuer): State<Issuer>) -> Result<Response, Problem> {
    issuer.publish().await?;
    show(State(issuer)).await
}
