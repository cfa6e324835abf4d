//! Listing keys, and showing one.

#![allow(unused_qualifications, reason = "what utoipa writes for query parameters")]

use axum::extract::State;
use portcullis_issuer::issuer::Issuer;

use super::answer::{view, views};
use super::filter::Filter;
use crate::extract::{Path, Query};
use crate::problem::Problem;
use crate::require::{KeysRead, Require, Routes, operation};
use crate::view::KeyView;
use crate::view::keys::PageAnswer;

pub(super) fn routes() -> Routes {
    Routes::new().and(operation!(list)).and(operation!(show))
}

/// List keys, newest first.
#[utoipa::path(
    get, path = "/keys", tag = "keys", operation_id = "list_keys",
    params(Filter),
    responses(
        (status = 200, description = "A page of keys", body = PageAnswer)
    )
)]
async fn list(
    _: Require<KeysRead>,
    State(issuer): State<Issuer>,
    Query(filter): Query<Filter>,
) -> Result<axum::Json<PageAnswer>, Problem> {
    let page = issuer.keys().list(&filter.query()?).await?;
    let keys = views(&issuer, &page.keys).await?;
    let answer = PageAnswer { keys, next_cursor: page.next_cursor, count: page.count };
    Ok(axum::Json(answer))
}

/// Show one key.
#[utoipa::path(
    get, path = "/keys/{id}", tag = "keys", operation_id = "show_key",
    params(("id" = String, Path, description = "The key's id, apk_…")),
    responses(
        (status = 200, description = "The key", body = KeyView)
    )
)]
async fn show(
    _: Require<KeysRead>,
    State(issuer): State<Issuer>,
    Path(id): Path,
) -> Result<axum::Json<KeyView>, Problem> {
    let record = issuer.keys().show(&id).await.map_err(|error| Problem::about(&id, error))?;
    Ok(axum::Json(view(&issuer, &record).await?))
}
