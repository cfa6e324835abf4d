//! Bulk revocations and suspensions: entries of the list that cover many keys.

use crate::Committed;
use crate::actions::{BulkRevocation, Care, Preview, bulk};
use crate::error::Error;
use crate::publish::Publisher;
use crate::store::bulk::BulkRecord;

/// Bulk revocations and suspensions: entries of the list that cover many keys.
///
/// See [`Issuer::bulk`](crate::Issuer::bulk).
#[derive(Clone, Copy, Debug)]
pub struct BulkOperations<'a>(pub(super) &'a Publisher);

impl BulkOperations<'_> {
    /// Revokes or suspends many keys, commits, and publishes. Admin keys count as keys of their
    /// owner, signer and environment.
    ///
    /// A revocation of an environment without a bound covers only keys that exist already. Keys
    /// made later are excluded, because a revocation can't be lifted.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::Unknown`] for an owner that never existed, and the store's. On
    /// error nothing has changed.
    pub async fn revoke(self, what: &BulkRevocation) -> Result<Committed<BulkRecord>, Error> {
        self.revoke_with(what, &Care::MEANT).await
    }

    /// Like [`BulkOperations::revoke`], with the caller's confirmations in `care`.
    pub async fn revoke_with(
        self,
        what: &BulkRevocation,
        care: &Care,
    ) -> Result<Committed<BulkRecord>, Error> {
        let done = bulk::revoke_many_with(self.0.context(), what, care).await?;
        Ok(self.0.announce(done).await)
    }

    /// Previews a bulk revocation or suspension. Changes nothing.
    pub async fn preview(self, what: &BulkRevocation) -> Result<Preview, Error> {
        bulk::preview_many(self.0.context(), what).await
    }

    /// Lifts a bulk suspension, commits, and publishes. Keys that are individually suspended or
    /// revoked remain so.
    ///
    /// # Errors
    /// [`Error::Unknown`]; [`Error::Invalid`] for a revocation, which is permanent, and for an
    /// entry that was lifted before; and the store's. On error nothing has changed.
    pub async fn lift(self, id: i64, by: Option<&str>) -> Result<Committed<BulkRecord>, Error> {
        let done = bulk::lift(self.0.context(), id, by).await?;
        Ok(self.0.announce(done).await)
    }

    /// All bulk revocations and suspensions, newest first.
    pub async fn list(self) -> Result<Vec<BulkRecord>, Error> {
        bulk::bulk_entries(self.0.context()).await
    }
}
