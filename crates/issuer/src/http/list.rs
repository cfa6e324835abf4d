//! `/v1/list`: what is out and where, and putting it out now.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::Problem;
use crate::error::Error;
use crate::issuer::Issuer;
use crate::store::lists::Published;
use crate::view::targets::{target_views, waited};
use crate::view::{ListView, MarkView};

pub(super) fn routes() -> Router<Issuer> {
    Router::new().route("/list", get(show)).route("/list/publish", post(publish))
}

async fn show(State(issuer): State<Issuer>) -> Result<Response, Problem> {
    let (published, shards) = issuer.overview().await?;
    let view = ListView::new(&published, &shards, issuer.now());
    let mut answer = json!(view);
    if let Some(answer) = answer.as_object_mut() {
        let targets = target_views(&issuer.targets().await?, &published);
        answer.insert("targets".into(), json!(targets));
    }
    Ok(Json(answer).into_response())
}

async fn publish(State(issuer): State<Issuer>) -> Result<Response, Problem> {
    issuer.publish().await?;
    show(State(issuer)).await
}

/// `?wait=SECONDS`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitQuery {
    /// For how long to wait until every target carries the list.
    pub(super) wait: Option<u64>,
}

/// A change that is committed: `status` where it is published too, else 202 with the reason.
pub(super) fn committed(
    issuer: &Issuer,
    mut answer: Value,
    status: StatusCode,
    published: Result<Published, Error>,
) -> Response {
    let (status, fields) = match published {
        Ok(published) => {
            let list = MarkView::of(&published, issuer.now());
            (status, json!({ "published": true, "list": list }))
        }
        Err(error) => {
            let problem = Problem::from(error);
            let note = "the change is committed but not yet published; verifiers learn of it with \
                        the next list";
            let fields = json!({ "published": false, "note": note, "problem": problem });
            (StatusCode::ACCEPTED, fields)
        }
    };
    if let (Some(answer), Value::Object(fields)) = (answer.as_object_mut(), fields) {
        answer.extend(fields);
    }
    (status, Json(answer)).into_response()
}

/// The same, with the targets that carry the list, where that was asked for.
pub(super) async fn committed_and_waited(
    issuer: &Issuer,
    mut answer: Value,
    status: StatusCode,
    published: Result<Published, Error>,
    query: WaitQuery,
) -> Result<Response, Problem> {
    if let (Some(wait), Ok(published)) = (query.wait, &published) {
        let report = waited(issuer, published, Duration::from_secs(wait)).await?;
        if let (Some(answer), Value::Object(fields)) = (answer.as_object_mut(), report) {
            answer.extend(fields);
        }
    }
    Ok(committed(issuer, answer, status, published))
}
