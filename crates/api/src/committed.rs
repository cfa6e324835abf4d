//! Committed changes as HTTP answers.

#![allow(unused_qualifications, reason = "what utoipa writes for query parameters")]

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use portcullis_issuer::committed::Publication;
use portcullis_issuer::error::Error;
use portcullis_issuer::issuer::Issuer;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::view::committed::CommittedView;
use crate::view::keys::RevokedManyAnswers;
use crate::view::problem;
use crate::view::targets::waited;

/// `?wait=SECONDS`.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct WaitQuery {
    /// For how many seconds to wait until every target has the list.
    pub(super) wait: Option<u64>,
}

/// The answer to a committed change.
pub(super) fn committed<T>(
    issuer: &Issuer,
    value: T,
    publication: &Publication,
) -> CommittedView<T> {
    // The caller gets the error as a part of the answer, which is not an error itself.
    if let Some(error) = publication.error() {
        problem::log(error);
    }
    CommittedView::new(value, publication, issuer.now())
}

/// Like [`committed`], with the targets if the caller waits for them.
pub(super) async fn committed_and_waited<T>(
    issuer: &Issuer,
    value: T,
    publication: &Publication,
    query: &WaitQuery,
) -> Result<CommittedView<T>, Error> {
    let patience = query.wait.map(Duration::from_secs);
    let waited = waited(issuer, publication, patience).await?;
    Ok(committed(issuer, value, publication).with_targets(waited))
}

impl<T: Serialize> IntoResponse for CommittedView<T> {
    /// 200, or 202 if it is not published yet.
    fn into_response(self) -> Response {
        let status = if self.is_awaited() { StatusCode::ACCEPTED } else { StatusCode::OK };
        (status, Json(self)).into_response()
    }
}

/// The answer to a change that created something.
#[derive(Debug)]
pub(super) struct Made<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Made<CommittedView<T>> {
    /// 201, or 202 if it is not published yet.
    fn into_response(self) -> Response {
        let status = if self.0.is_awaited() { StatusCode::ACCEPTED } else { StatusCode::CREATED };
        (status, Json(self.0)).into_response()
    }
}

impl IntoResponse for RevokedManyAnswers {
    fn into_response(self) -> Response {
        match self {
            Self::Revoked(answer) => (*answer).into_response(),
            Self::DryRun(answer) => Json(answer).into_response(),
        }
    }
}
