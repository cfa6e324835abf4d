//! The issuer's settings: what keys it makes.

use crate::actions::{SettingsChange, SettingsChanged, settings};
use crate::error::Error;
use crate::publish::Publisher;
use crate::store::settings::Stored;

/// The issuer's settings: what keys it makes.
///
/// See [`Issuer::settings`](crate::Issuer::settings).
#[derive(Clone, Copy, Debug)]
pub struct SettingsOperations<'a>(pub(super) &'a Publisher);

impl SettingsOperations<'_> {
    /// The settings.
    ///
    /// # Errors
    /// The store's.
    pub async fn show(self) -> Result<Stored, Error> {
        settings::settings(self.0.context()).await
    }

    /// Changes the settings. Existing keys stay as they are.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::SettingsChanged`], and the store's. On error nothing has
    /// changed.
    pub async fn change(self, change: &SettingsChange) -> Result<SettingsChanged, Error> {
        settings::change_settings(self.0.context(), change).await
    }

    /// Previews [`SettingsOperations::change`]. Changes nothing.
    ///
    /// # Errors
    /// As [`SettingsOperations::change`].
    pub async fn preview(self, change: &SettingsChange) -> Result<SettingsChanged, Error> {
        settings::preview_settings(self.0.context(), change).await
    }
}
