//! `/health/live` and `/health/ready`.

use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use super::problem::Problem;
use crate::error::Error;
use crate::issuer::Issuer;
use crate::view::MarkView;

pub(super) fn routes() -> Router<Issuer> {
    Router::new().route("/health/live", get(live)).route("/health/ready", get(ready))
}

fn unavailable(code: &'static str, detail: String) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
}

/// Live: the server answers, and its publisher goes on. Nothing else is asked, so that a restart is
/// not the answer to a database that is away.
async fn live(State(issuer): State<Issuer>) -> Result<Response, Problem> {
    if issuer.health().is_stuck(Instant::now()) {
        let detail = "the publisher has been stuck for minutes; restart this server".to_owned();
        return Err(unavailable("publisher_stuck", detail));
    }
    Ok(Json(json!({ "status": "live" })).into_response())
}

/// Ready: the database answers and is where it belongs, the keystore is that of the newest keyring and can sign a list,
/// the clock can be right, and what is out may be judged by and was renewed in time: it is not ready
/// any more well before the list runs out.
async fn ready(State(issuer): State<Issuer>) -> Result<Response, Problem> {
    // A server that ends answers what has begun. What begins now belongs elsewhere.
    if issuer.is_ending() {
        return Err(unavailable("ending", "this server is about to end; ask another".into()));
    }
    // Whatever it would read is of a database that is gone.
    issuer.store().check_files()?;
    let view = issuer.view().await?;
    let keystore = issuer.keystore();
    let lacking = keystore.lacks(view.verifier().keyring());
    if !lacking.is_empty() {
        let detail = format!("the keystore lacks keys that the keyring lists: {lacking:?}");
        return Err(unavailable("keystore", detail));
    }
    if keystore.list_signer().is_none() {
        let detail = "no active key may sign the list; rotate the keyring";
        return Err(unavailable("no_signer", detail.into()));
    }
    if let Err(error @ Error::ClockImplausible { .. }) = issuer.store().check_clock().await {
        return Err(unavailable(error.code(), error.to_string()));
    }
    let now = issuer.now();
    view.verifier().list_at(now).map_err(|error| unavailable(error.code(), error.to_string()))?;
    if let Some(late) =
        view.list_version().and_then(|list_version| issuer.health().late(&list_version, now))
    {
        return Err(unavailable("list_late", late.to_string()));
    }
    let list = view.list_version().map(|list_version| MarkView::new(&list_version, now));
    Ok(Json(json!({ "status": "ready", "store": "ok", "keystore": "ok", "list": list }))
        .into_response())
}
