//! `/v1/admins`: admin keys of this API.

use axum::Extension;
use axum::http::{HeaderMap, StatusCode};
use portcullis_core::token::Environment;
use portcullis_issuer::actions::{NewKey, scopes};
use portcullis_issuer::error::Error;
use portcullis_issuer::names;
use portcullis_issuer::record::KeyPurpose;
use serde::Deserialize;
use utoipa::ToSchema;

use super::extract::Json;
use super::fields::expiry;
use super::idempotency::{self, Repeatable};
use super::keys::minted_view;
use super::options::Settings;
use super::problem::Problem;
use super::require::{AdminsWrite, Require, Routes, operation};
use crate::view::keys::CreatedAnswer;

pub(super) fn routes() -> Routes {
    Routes::new().and(operation!(create_admin))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateAdminBody {
    /// A title for people: 1 to 255 characters.
    title: String,
    /// The key's scopes, such as `keys:read`, `keys:*` or `*`. The caller must hold all of them.
    scopes: Vec<String>,
    /// One of the keyring's labels, or `""` for no label. Default: the keyring's first label.
    label: Option<String>,
    expires_in_seconds: Option<u64>,
    expires_at: Option<String>,
    /// The key never expires, even if the settings have a default lifetime.
    #[serde(default)]
    never_expires: bool,
    created_by: Option<String>,
}

/// Create an admin key; its token is returned only once.
#[utoipa::path(
    post, path = "/admins", tag = "admins", operation_id = "create_admin",
    params(("Idempotency-Key" = Option<String>, Header, description = "A name for the request. The same request, sent again with this name within a day or the window that the operator set, returns the same key")),
    request_body = CreateAdminBody,
    responses((status = 201, description = "The key and its token", body = CreatedAnswer))
)]
async fn create_admin(
    Require { issuer, admin, .. }: Require<AdminsWrite>,
    Extension(settings): Extension<Settings>,
    headers: HeaderMap,
    Json(body): Json<CreateAdminBody>,
) -> Result<Repeatable<(StatusCode, axum::Json<CreatedAnswer>)>, Problem> {
    scopes::check(KeyPurpose::Admin, &body.scopes)?;
    scopes::check_grant(&admin.scopes, &body.scopes)?;
    let idempotency = idempotency::named(&headers, &admin, settings)?;
    let expires = expiry(body.expires_in_seconds, body.expires_at.as_deref(), body.never_expires)?;
    let new = NewKey {
        purpose: KeyPurpose::Admin,
        environment: Environment::Live,
        label: body.label.as_deref().map(names::label).transpose()?,
        admin_scopes: body.scopes,
        expires,
        created_by: body.created_by,
        ..NewKey::titled(&body.title)
    };
    let made = issuer.keys().create_all(&[new], idempotency.as_ref()).await?;
    let minted = made.keys.first().ok_or(Error::SelfCheck)?;
    let answer = minted_view(&issuer, minted).await?;
    let answer = (StatusCode::CREATED, axum::Json(answer));
    Ok(Repeatable { answer, repeated: made.repeated })
}
