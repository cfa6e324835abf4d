//! `/v1/list`: what is published and where, and publishing now.

#![allow(unused_qualifications, reason = "what utoipa writes for query parameters")]

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::problem::Problem;
use super::require::{ListPublish, ListRead, Require, Routes, operation};
use crate::committed::Publication;
use crate::issuer::Issuer;
use crate::view::status_lists::StatusListsView;
use crate::view::targets::{ListAnswer, target_views, waited};
use crate::view::{ListView, MarkView};

pub(super) fn routes() -> Routes {
    Routes::new().and(operation!(show)).and(operation!(publish))
}

/// Show what is published.
#[utoipa::path(
    get, path = "/list", tag = "list", operation_id = "show_list",
    responses((status = 200, description = "What is published", body = ListAnswer))
)]
async fn show(_: Require<ListRead>, State(issuer): State<Issuer>) -> Result<Response, Problem> {
    answer(&issuer).await
}

/// What is published now.
async fn answer(issuer: &Issuer) -> Result<Response, Problem> {
    let (published, shards) = issuer.overview().await?;
    let list = ListView::new(&published, &shards, issuer.now());
    let targets = target_views(&issuer.targets().await?, &published);
    let status_lists = StatusListsView::of(issuer).await?;
    Ok(Json(ListAnswer { list, targets, status_lists }).into_response())
}

/// Publish now.
#[utoipa::path(
    post, path = "/list/publish", tag = "list", operation_id = "publish_list",
    responses((status = 200, description = "What is published now", body = ListAnswer))
)]
async fn publish(Require { issuer, .. }: Require<ListPublish>) -> Result<Response, Problem> {
    issuer.publish().await?;
    issuer.renew_status_lists().await?;
    answer(&issuer).await
}

/// `?wait=SECONDS`.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct WaitQuery {
    /// For how long to wait until every target carries the list.
    pub(super) wait: Option<u64>,
}

/// Answers a committed change: with `status` if lists carry it by now or need not, else with 202 and
/// the reason.
pub(super) fn committed(
    issuer: &Issuer,
    mut answer: Value,
    status: StatusCode,
    publication: Publication,
) -> Response {
    let (status, fields) = match publication {
        Publication::Published(published) => {
            let list = MarkView::of(&published, issuer.now());
            (status, json!({ "published": true, "list": list }))
        }
        Publication::NotYet(error) => {
            let problem = Problem::from(error);
            let note = "the change is committed but not yet published; verifiers learn of it with \
                        the next list";
            let fields = json!({ "published": false, "note": note, "problem": problem });
            (StatusCode::ACCEPTED, fields)
        }
        Publication::NotNeeded => (status, json!({})),
    };
    if let (Some(answer), Value::Object(fields)) = (answer.as_object_mut(), fields) {
        answer.extend(fields);
    }
    (status, Json(answer)).into_response()
}

/// As [`committed`], with the targets that carry the list if the caller asked for them.
pub(super) async fn committed_and_waited(
    issuer: &Issuer,
    mut answer: Value,
    status: StatusCode,
    publication: Publication,
    query: WaitQuery,
) -> Result<Response, Problem> {
    if let (Some(wait), Some(published)) = (query.wait, publication.list()) {
        let report = waited(issuer, published, Duration::from_secs(wait)).await?;
        if let (Some(answer), Value::Object(fields)) = (answer.as_object_mut(), report) {
            answer.extend(fields);
        }
    }
    Ok(committed(issuer, answer, status, publication))
}
