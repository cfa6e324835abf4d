//! What is done once to a database of an earlier program, beyond its tables: by whoever opens it
//! first, before anything else.

use crate::error::Error;
use crate::issuer::Issuer;
use crate::store::upkeep as table;

/// Secrets of webhooks lay in the database as they are.
const SEAL: &str = "seal";

impl Issuer {
    /// Does what is due. Whatever can't be finished stays due for the next start.
    ///
    /// # Errors
    /// The store's, while secrets are sealed. That what was left of them could not be wiped is
    /// logged.
    pub(crate) async fn upkeep(&self) -> Result<(), Error> {
        if !table::is_due(&mut *self.store().read().await?, SEAL).await? {
            return Ok(());
        }
        let key = self.keystore().column_key()?;
        let mut writing = self.store().write().await?;
        let sealed = table::seal_webhooks(&mut writing, &key).await?;
        writing.commit().await?;
        tracing::info!(webhooks = sealed, "the secrets of webhooks are sealed now");
        // The old texts still lie in pages and rows that nobody reads.
        match self.store().wipe().await {
            Ok(()) => {
                let mut writing = self.store().write().await?;
                table::done(&mut writing, SEAL).await?;
                writing.commit().await?;
            }
            Err(error) => tracing::warn!(
                code = error.code(),
                "what was left of secrets in the database could not be wiped; it is tried again \
                 at the next start: {}",
                error.chain()
            ),
        }
        Ok(())
    }
}
