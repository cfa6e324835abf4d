//! Owners of keys.

use crate::actions::{NewOwner, OwnerChange, owners};
use crate::error::Error;
use crate::publish::Publisher;
use crate::store::owners::Owner;

/// Owners of keys.
///
/// See [`Issuer::owners`](crate::Issuer::owners).
#[derive(Clone, Copy, Debug)]
pub struct OwnerOperations<'a>(pub(super) &'a Publisher);

impl OwnerOperations<'_> {
    /// Makes an owner.
    ///
    /// # Errors
    /// [`Error::Invalid`], and the store's.
    pub async fn create(self, new: &NewOwner) -> Result<Owner, Error> {
        owners::create_owner(self.0.context(), new).await
    }

    /// The owner with this number.
    ///
    /// # Errors
    /// [`Error::Unknown`] and the store's.
    pub async fn show(self, number: u32) -> Result<Owner, Error> {
        owners::show_owner(self.0.context(), number).await
    }

    /// Up to `limit` owners by ascending number, after `after`. With `external_id`, only the owner
    /// with that id in the other system.
    ///
    /// # Errors
    /// [`Error::Invalid`] and the store's.
    pub async fn list(
        self,
        external_id: Option<&str>,
        after: u32,
        limit: u32,
    ) -> Result<Vec<Owner>, Error> {
        owners::list_owners(self.0.context(), external_id, after, limit).await
    }

    /// Changes an owner.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Invalid`], and the store's.
    pub async fn update(self, number: u32, edit: &OwnerChange) -> Result<Owner, Error> {
        owners::update_owner(self.0.context(), number, edit).await
    }

    /// Deletes an owner that no key in force has. The number is never reused.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::InUse`], and the store's.
    pub async fn delete(self, number: u32, by: Option<&str>) -> Result<(), Error> {
        owners::delete_owner(self.0.context(), number, by).await
    }
}
