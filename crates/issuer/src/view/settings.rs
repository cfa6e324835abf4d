//! Settings, in the form that HTTP and `--json` use.

use serde::Serialize;
use utoipa::ToSchema;

use super::Instant;
use crate::actions::{Effect, SettingsChanged};
use crate::settings::{Class, KindSettings, Settings};
use crate::store::settings::Stored;

/// What the issuer asks of its keys.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SettingsView {
    /// How often they were changed.
    pub version: u32,
    /// When they were last changed.
    pub updated_at: Option<Instant>,
    /// Of secret keys.
    pub secret: KindSettings,
    /// Of publishable keys.
    pub publishable: KindSettings,
    /// Of admin keys.
    pub admin: KindSettings,
    /// Whether revoking, suspending, rolling, deleting and undoing need a reason.
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

/// The settings after a change, and what they come to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SettingsChangedView {
    /// Whether nothing was changed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// What is asked now; of a dry run, what would be.
    #[serde(flatten)]
    pub settings: SettingsView,
    /// What was asked before.
    pub before: Settings,
    /// What they come to for the keys in force of each kind.
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
