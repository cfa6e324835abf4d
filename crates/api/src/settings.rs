//! `/v1/settings`: what the issuer requires of its keys.

use axum::Json as Answered;
use axum::extract::State;
use portcullis_issuer::actions::{KindChange, SettingsChange};
use portcullis_issuer::issuer::Issuer;
use serde::Deserialize;
use utoipa::ToSchema;

use super::extract::{Json, given};
use super::problem::Problem;
use super::require::{Require, Routes, SettingsRead, SettingsWrite, operation};
use crate::view::settings::{SettingsChangedView, SettingsView};

pub(super) fn routes() -> Routes {
    Routes::new().and(operation!(show)).and(operation!(change))
}

/// Show the issuer's requirements for its keys.
#[utoipa::path(
    get, path = "/settings", tag = "settings", operation_id = "show_settings",
    responses((status = 200, description = "The settings", body = SettingsView))
)]
async fn show(
    _: Require<SettingsRead>,
    State(issuer): State<Issuer>,
) -> Result<Answered<SettingsView>, Problem> {
    Ok(Answered(SettingsView::new(&issuer.settings().show().await?)))
}

/// The settings to change for one kind of key. A setting that is left out does not change; null
/// removes it.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct KindSettingsBody {
    /// The longest lifetime, in seconds.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    max_lifetime_seconds: Option<Option<u32>>,
    /// The default lifetime, in seconds.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    default_lifetime_seconds: Option<Option<u32>>,
    /// A key that has not been used for this many days is suspended: 7 to 365. Not for admin keys.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    idle_days: Option<Option<u32>>,
    /// Whether every new key must have an owner. Not for admin keys.
    owner_required: Option<bool>,
}

impl From<KindSettingsBody> for KindChange {
    fn from(body: KindSettingsBody) -> Self {
        Self {
            max_lifetime_seconds: body.max_lifetime_seconds,
            default_lifetime_seconds: body.default_lifetime_seconds,
            idle_days: body.idle_days,
            owner_required: body.owner_required,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SettingsBody {
    secret: Option<KindSettingsBody>,
    publishable: Option<KindSettingsBody>,
    admin: Option<KindSettingsBody>,
    /// Whether revoking, suspending, rolling, deleting and undoing require a `reason`.
    reason_required: Option<bool>,
    /// Change the settings only if this is their version; otherwise nothing is done (409).
    if_version: Option<u32>,
    /// Only report the effects of the change.
    #[serde(default)]
    dry_run: bool,
    /// The person that the caller acts for. The actor in the audit trail is the caller's admin key.
    by: Option<String>,
    /// The reason, for the audit trail.
    reason: Option<String>,
}

/// Change the issuer's requirements for its keys, on all servers at once. Existing keys do not change.
#[utoipa::path(
    patch, path = "/settings", tag = "settings", operation_id = "change_settings",
    request_body = SettingsBody,
    responses((status = 200, description = "The new settings; in a dry run, the settings that would result", body = SettingsChangedView))
)]
async fn change(
    Require { issuer, .. }: Require<SettingsWrite>,
    Json(body): Json<SettingsBody>,
) -> Result<Answered<SettingsChangedView>, Problem> {
    let kinds = [body.secret, body.publishable, body.admin];
    let change = SettingsChange {
        kinds: kinds.map(|kind| kind.map(KindChange::from).unwrap_or_default()),
        reason_required: body.reason_required,
        if_version: body.if_version,
        by: body.by,
    };
    let issuer = issuer.because(body.reason.as_deref())?;
    let changed = if body.dry_run {
        issuer.settings().preview(&change).await?
    } else {
        issuer.settings().change(&change).await?
    };
    Ok(Answered(SettingsChangedView::new(&changed, body.dry_run)))
}
