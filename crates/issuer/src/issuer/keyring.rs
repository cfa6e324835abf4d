//! The keyring: signers, labels, and the document that the root signs.

use crate::Committed;
use crate::actions::{
    KeyringChange, KeyringChanged, LabelChange, Labels, LabelsPreview, Signers, labels, signers,
};
use crate::error::Error;
use crate::keystore::Vault;
use crate::publish::Publisher;

/// The keyring: signers, labels, and the document that the root signs.
///
/// See [`Issuer::keyring`](crate::Issuer::keyring).
#[derive(Clone, Copy, Debug)]
pub struct KeyringOperations<'a>(pub(super) &'a Publisher);

impl KeyringOperations<'_> {
    /// The newest keyring's signers, with the number of keys of each.
    ///
    /// # Errors
    /// The database's.
    pub async fn signers(self) -> Result<Signers, Error> {
        signers::signers(self.0.context()).await
    }

    /// Makes a new version of the keyring, signed with the root key in `root`. Commits, and
    /// publishes.
    ///
    /// # Errors
    /// [`Error::Rotation`],
    /// [`KeystoreError::RootMissing`](crate::keystore::KeystoreError::RootMissing),
    /// [`KeystoreError::RootWrong`](crate::keystore::KeystoreError::RootWrong),
    /// [`KeystoreError::Sealed`](crate::keystore::KeystoreError::Sealed), and the store's. On error
    /// nothing has changed.
    pub async fn change(
        self,
        change: &KeyringChange,
        root: &Vault,
        by: Option<&str>,
    ) -> Result<Committed<KeyringChanged>, Error> {
        let done = signers::change_keyring(self.0.context(), change, root, by).await?;
        Ok(self.0.announce(done).await)
    }

    /// The newest keyring's labels, and how many keys stand under each.
    ///
    /// # Errors
    /// The store's.
    pub async fn labels(self) -> Result<Labels, Error> {
        labels::labels(self.0.context()).await
    }

    /// What a change of the keyring's labels comes to. Nothing is changed.
    ///
    /// # Errors
    /// [`Error::Rotation`] for one that can't be, and the store's.
    pub async fn preview_labels(self, change: &LabelChange) -> Result<LabelsPreview, Error> {
        labels::preview_labels(self.0.context(), change).await
    }

    /// The newest keyring document.
    ///
    /// # Errors
    /// The database's.
    pub async fn document(self) -> Result<Vec<u8>, Error> {
        self.0.context().keyring_document().await
    }
}
