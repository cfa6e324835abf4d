//! Backups, and the recovery of what was published.

use std::path::Path;

use crate::backup::{self, BackedUp};
use crate::error::Error;
use crate::keystore::Vault;
use crate::publish::{self, Publisher, Reclocked, Recovered, Target};

/// Backups, and the recovery of what was published.
///
/// See [`Issuer::recovery`](crate::Issuer::recovery).
#[derive(Clone, Copy, Debug)]
pub struct RecoveryOperations<'a>(pub(super) &'a Publisher);

impl RecoveryOperations<'_> {
    /// Writes a backup to `path`, which must not exist, encrypted with the secret of the folder's
    /// files.
    ///
    /// # Errors
    /// [`Error::Backup`] if the file exists,
    /// [`KeystoreError::Sealed`](crate::keystore::KeystoreError::Sealed),
    /// [`FileError::Io`](crate::files::FileError::Io), and the database's.
    pub async fn back_up(self, path: &Path) -> Result<BackedUp, Error> {
        backup::back_up(self.0.context(), path).await
    }

    /// Checks whether a witness carries a list that this database doesn't know. Returns how many
    /// witnesses could be read.
    ///
    /// # Errors
    /// [`StoreError::Restored`](crate::store::StoreError::Restored), which persists until
    /// [`RecoveryOperations::recover`], and the database's.
    pub async fn check_witnesses(self, witnesses: &[Target]) -> Result<usize, Error> {
        publish::check_witnesses(self.0, witnesses).await
    }

    /// Brings a restored backup up to date with the newest list among the witnesses, and publishes.
    ///
    /// # Errors
    /// [`Error::Target`] if a witness can't be read or none is newer than the database,
    /// [`Error::List`] if its list is refused, and the store's. On error nothing has changed.
    pub async fn recover(self, witnesses: &[Target]) -> Result<Recovered, Error> {
        publish::recover(self.0, witnesses).await
    }

    /// Brings a restored backup into use without a witness: revokes the keys issued since its last
    /// commit, closes its shards, and publishes.
    ///
    /// # Errors
    /// [`Error::Target`] if a SQLite database isn't marked as a restored backup, and the store's.
    /// On error nothing has changed. A PostgreSQL database needs no mark, since other tools restore
    /// it.
    pub async fn recover_alone(self) -> Result<Recovered, Error> {
        publish::recover_alone(self.0).await
    }

    /// Ends the lists published by a fast clock, using the root key in `root`, and publishes with
    /// the current clock.
    ///
    /// # Errors
    /// [`Error::ClockNotBehind`],
    /// [`StoreError::ClockImplausible`](crate::store::StoreError::ClockImplausible),
    /// [`KeystoreError::RootMissing`](crate::keystore::KeystoreError::RootMissing),
    /// [`KeystoreError::RootWrong`](crate::keystore::KeystoreError::RootWrong), and the store's. On
    /// error nothing has changed.
    pub async fn recover_clock(self, root: &Vault, by: &str) -> Result<Reclocked, Error> {
        publish::recover_clock(self.0, root, by).await
    }

    /// Ends every list of the current list signer, including forged ones, using the root key in
    /// `root`. Publishes under a new signer and epoch.
    ///
    /// # Errors
    /// [`StoreError::ClockImplausible`](crate::store::StoreError::ClockImplausible),
    /// [`KeystoreError::RootMissing`](crate::keystore::KeystoreError::RootMissing),
    /// [`KeystoreError::RootWrong`](crate::keystore::KeystoreError::RootWrong), and the store's. On
    /// error nothing has changed.
    pub async fn recover_signer(self, root: &Vault, by: &str) -> Result<Reclocked, Error> {
        publish::recover_signer(self.0, root, by).await
    }
}
