//! `/v1/keyring`: the signers and the labels that the newest keyring lists.

use axum::extract::State;
use portcullis_issuer::issuer::Issuer;

use super::problem::Problem;
use super::require::{KeyringRead, KeysRead, Require, Routes, operation};
use crate::view::signers::{LabelsView, SignersView};

pub(super) fn routes() -> Routes {
    Routes::new().and(operation!(signers)).and(operation!(labels))
}

/// Show the signers, and how many keys each has signed.
#[utoipa::path(
    get, path = "/keyring", tag = "keyring", operation_id = "show_keyring",
    responses((status = 200, description = "The newest keyring", body = SignersView))
)]
async fn signers(
    _: Require<KeyringRead>,
    State(issuer): State<Issuer>,
) -> Result<axum::Json<SignersView>, Problem> {
    Ok(axum::Json(SignersView::new(&issuer.keyring().signers().await?)))
}

/// Show the labels that new keys can have; the first is the default.
#[utoipa::path(
    get, path = "/keyring/labels", tag = "keyring", operation_id = "show_labels",
    responses((status = 200, description = "The newest keyring's labels", body = LabelsView))
)]
async fn labels(
    _: Require<KeysRead>,
    State(issuer): State<Issuer>,
) -> Result<axum::Json<LabelsView>, Problem> {
    let view = issuer.list().state().await?;
    Ok(axum::Json(LabelsView::of(view.verifier().keyring())))
}
