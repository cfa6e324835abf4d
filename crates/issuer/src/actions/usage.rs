//! How often keys are used, as gates report it.

use crate::actions::idle;
use crate::error::Error;
use crate::issuer::Issuer;
use crate::store::keys;

pub use crate::store::keys::Use;

/// The most keys in one report.
pub const MAX_USES: usize = 1_000;

impl Issuer {
    /// Adds a gate's report to the records, all of it in one transaction; says how many keys of it
    /// there are. It is no change of a key: nothing is published, and no event is written.
    ///
    /// # Errors
    /// [`Error::Invalid`] for more than [`MAX_USES`], and the store's.
    pub async fn report_usage(&self, uses: &[Use]) -> Result<u64, Error> {
        if uses.len() > MAX_USES {
            return Err(Error::Invalid { field: "uses", reason: "must be 1000 at most" });
        }
        let mut writing = self.store().write().await?;
        let now = writing.now().await?;
        let known = keys::used(&mut writing, uses, now.secs()).await?;
        idle::note(&mut writing, self.actor().name(), uses, now).await?;
        writing.commit().await?;
        Ok(known)
    }
}
