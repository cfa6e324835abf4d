//! Settings, as HTTP and `--json` say them.

use serde::Serialize;
use utoipa::ToSchema;

use super::Instant;
use crate::rules::{Effect, SettingsChanged};
use crate::settings::Settings;
use crate::store::settings::Stored;

/// What the issuer asks of its keys.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SettingsView {
    /// How often they were changed.
    pub version: u32,
    /// When they were last changed.
    pub updated_at: Option<Instant>,
    /// What is asked.
    #[serde(flatten)]
    pub settings: Settings,
}

impl SettingsView {
    /// As they stand.
    #[must_use]
    pub fn new(stored: &Stored) -> Self {
        Self {
            version: stored.version,
            updated_at: stored.updated.map(Instant),
            settings: stored.settings.clone(),
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
    /// After this change, or of this dry run.
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
