//! `/v1/settings`: what the issuer requires of its keys.

use axum::Json as Answered;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::extract::{Json, given};
use super::problem::Problem;
use super::require::{Require, Routes, SettingsRead, SettingsWrite, operation};
use crate::actions::{KindChange, SettingsChange};
use crate::issuer::Issuer;
use crate::view::settings::{SettingsChangedView, SettingsView};

pub(super) fn routes() -> Routes {
    Routes::new().and(operation!(show)).and(operation!(change))
}

/// Show what the issuer asks of its keys.
#[utoipa::path(
    get, path = "/settings", tag = "settings", operation_id = "show_settings",
    responses((status = 200, description = "The settings", body = SettingsView))
)]
async fn show(
    _: Require<SettingsRead>,
    State(issuer): State<Issuer>,
) -> Result<Answered<SettingsView>, Problem> {
    Ok(Answered(SettingsView::new(&issuer.settings().await?)))
}

/// What to change for one kind of keys: what is left out stays, and null takes a setting away.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct KindSettingsBody {
    /// The longest lifetime, in seconds.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    max_lifetime_seconds: Option<Option<u32>>,
    /// The lifetime of a key for which none is named, in seconds.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    default_lifetime_seconds: Option<Option<u32>>,
    /// After so many days without a use a key is suspended, 7 to 365. Not of admin keys.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    idle_days: Option<Option<u32>>,
    /// Whether each key must have an owner. Not of admin keys.
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
    /// Whether revoking, suspending, rolling, deleting and undoing need a `reason`.
    reason_required: Option<bool>,
    /// Only if the settings are at this version: else nothing is done (409).
    if_version: Option<u32>,
    /// Only say what it would come to.
    #[serde(default)]
    dry_run: bool,
    /// In whose name; the trail's actor is the admin key that is sent.
    by: Option<String>,
    /// Why; the trail tells it.
    reason: Option<String>,
}

/// Change what the issuer asks of its keys, on every server at once. Keys that there are stay as they are.
#[utoipa::path(
    patch, path = "/settings", tag = "settings", operation_id = "change_settings",
    request_body = SettingsBody,
    responses((status = 200, description = "The settings as they are now; of a dry run, as they would be", body = SettingsChangedView))
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
        issuer.preview_settings(&change).await?
    } else {
        issuer.change_settings(&change).await?
    };
    Ok(Answered(SettingsChangedView::new(&changed, body.dry_run)))
}
