//! Settings, in the form that HTTP and `--json` use.

use portcullis_issuer::actions::{Effect, SettingsChanged};
use portcullis_issuer::settings::{Class, KindSettings, Settings};
use portcullis_issuer::store::settings::Stored;
use serde::Serialize;
use utoipa::ToSchema;

use super::Instant;

/// The issuer's requirements for its keys.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SettingsView {
    /// The number of changes so far.
    pub version: u32,
    /// When the settings were last changed.
    pub updated_at: Option<Instant>,
    /// The requirements for secret keys.
    pub secret: KindSettings,
    /// The requirements for publishable keys.
    pub publishable: KindSettings,
    /// The requirements for admin keys.
    pub admin: KindSettings,
    /// Whether revoking, suspending, rolling, deleting and undoing require a reason.
    pub reason_required: bool,
}

impl SettingsView {
    /// The view of the stored settings.
    #[must_use]
    pub fn new(stored: &Stored) -> Self {
        let Settings { secret, publishable, admin, reason_required } = stored.settings.clone();
        let (version, updated_at) = (stored.version, stored.updated.map(Instant));
        Self { version, updated_at, secret, publishable, admin, reason_required }
    }

    /// The requirements on keys of this kind.
    #[must_use]
    pub const fn of(&self, class: Class) -> &KindSettings {
        match class {
            Class::Secret => &self.secret,
            Class::Publishable => &self.publishable,
            Class::Admin => &self.admin,
        }
    }
}

/// The settings after a change, and their effects.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SettingsChangedView {
    /// Whether this is a dry run. Present only if it is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// The new settings; in a dry run, the settings that would result.
    #[serde(flatten)]
    pub settings: SettingsView,
    /// The settings before the change.
    pub before: Settings,
    /// The effects on the existing keys, by kind.
    pub effects: Vec<Effect>,
}

impl SettingsChangedView {
    /// The view of this change, or of this dry run.
    #[must_use]
    pub fn new(changed: &SettingsChanged, dry_run: bool) -> Self {
        Self {
            dry_run,
            settings: SettingsView::new(&changed.stored),
            before: changed.before.clone(),
            effects: changed.effects.clone(),
        }
    }
}
