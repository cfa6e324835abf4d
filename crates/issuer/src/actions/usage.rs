//! Stores the uses of keys that gates report.

use crate::actions::idle;
use crate::error::Error;
use crate::issuer::Issuer;
use crate::store::keys;

pub use crate::store::keys::Use;

/// The most keys in one report.
pub const MAX_USES: usize = 1_000;

impl Issuer {
    /// Adds a gate's report to the records in one transaction. Returns how many of the reported
    /// keys exist. A report isn't a change of a key: it publishes nothing and writes no event.
    ///
    /// # Errors
    /// [`Error::Invalid`] for more than [`MAX_USES`], and the store's.
    pub async fn report_usage(&self, uses: &[Use]) -> Result<u64, Error> {
        if uses.len() > MAX_USES {
            return Err(Error::Invalid { field: "uses", reason: "must be 1000 at most" });
        }
        let mut writing = self.store().bookkeeping().await?;
        let now = writing.now().await?;
        let known = keys::used(&mut writing, uses, now.secs()).await?;
        idle::note(&mut writing, self.actor().name(), uses, now).await?;
        writing.save().await?;
        Ok(known)
    }
}
