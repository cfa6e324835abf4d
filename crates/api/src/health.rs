//! `/health/live` and `/health/ready`.

use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use portcullis_issuer::issuer::Issuer;
use portcullis_issuer::store::StoreError;
use serde::Serialize;

use super::problem::Problem;
use crate::view::MarkView;

pub(super) fn routes() -> Router<Issuer> {
    Router::new().route("/health/live", get(live)).route("/health/ready", get(ready))
}

#[derive(Serialize)]
struct Live {
    status: &'static str,
}

#[derive(Serialize)]
struct Ready {
    keystore: &'static str,
    list: Option<MarkView>,
    status: &'static str,
    store: &'static str,
}

fn unavailable(code: &'static str, detail: String) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
}

/// Live: the server answers, and its publisher is running. Nothing else is checked, because a
/// restart would not help if the database is unreachable.
async fn live(State(issuer): State<Issuer>) -> Result<Json<Live>, Problem> {
    if issuer.health().is_stuck(Instant::now()) {
        let detail = "the publisher has been stuck for minutes; restart this server".to_owned();
        return Err(unavailable("publisher_stuck", detail));
    }
    Ok(Json(Live { status: "live" }))
}

/// Ready: the database answers and its files are in place, the keystore belongs to the newest
/// keyring and can sign a list, the clock is plausible, and the published list is valid and was
/// renewed in time. The check of the renewal fails well before the list expires.
async fn ready(State(issuer): State<Issuer>) -> Result<Json<Ready>, Problem> {
    // A stopping server answers the requests that have begun. New requests belong to another
    // server.
    if issuer.is_ending() {
        return Err(unavailable("ending", "this server is about to end; ask another".into()));
    }
    // If the files are gone, any read would come from a deleted database.
    issuer.store().check_files()?;
    let view = issuer.list().state().await?;
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
    if let Err(error @ StoreError::ClockImplausible { .. }) = issuer.store().check_clock().await {
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
    Ok(Json(Ready { keystore: "ok", list, status: "ready", store: "ok" }))
}
