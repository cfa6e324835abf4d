//! Policies: what keys may do.

use portcullis_core::policy::Visibility;

use crate::Committed;
use crate::actions::{NewPolicy, PolicyChange, policies};
use crate::error::Error;
use crate::publish::Publisher;
use crate::store::policies::PolicyRecord;

/// Policies: what keys may do.
///
/// See [`Issuer::policies`](crate::Issuer::policies).
#[derive(Clone, Copy, Debug)]
pub struct PolicyOperations<'a>(pub(super) &'a Publisher);

impl PolicyOperations<'_> {
    /// Makes a policy, commits, and publishes.
    ///
    /// # Errors
    /// [`Error::Invalid`] and the store's. On error nothing has changed.
    pub async fn create(self, new: &NewPolicy) -> Result<Committed<PolicyRecord>, Error> {
        let done = policies::create_policy(self.0.context(), new).await?;
        Ok(self.0.announce(done).await)
    }

    /// The policy with this number.
    ///
    /// # Errors
    /// [`Error::Unknown`] and the store's.
    pub async fn show(self, number: u32) -> Result<PolicyRecord, Error> {
        policies::show_policy(self.0.context(), number).await
    }

    /// Up to `limit` policies by ascending number, after `after`. Policies that belong to one
    /// publishable key are excluded: they are shown with their keys.
    ///
    /// # Errors
    /// [`Error::Invalid`] and the store's.
    pub async fn list(
        self,
        visibility: Option<Visibility>,
        after: u32,
        limit: u32,
    ) -> Result<Vec<PolicyRecord>, Error> {
        policies::list_policies(self.0.context(), visibility, after, limit).await
    }

    /// Changes a policy, commits, and publishes.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Invalid`], and the store's. On error nothing has changed.
    pub async fn update(
        self,
        number: u32,
        edit: &PolicyChange,
    ) -> Result<Committed<PolicyRecord>, Error> {
        let done = policies::update_policy(self.0.context(), number, edit).await?;
        Ok(self.0.announce(done).await)
    }

    /// Deletes a policy that no key in force has, commits, and publishes. The number is never
    /// reused.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::InUse`], and the store's. On error nothing has changed.
    pub async fn delete(
        self,
        number: u32,
        by: Option<&str>,
    ) -> Result<Committed<PolicyRecord>, Error> {
        let done = policies::delete_policy(self.0.context(), number, by).await?;
        Ok(self.0.announce(done).await)
    }
}
