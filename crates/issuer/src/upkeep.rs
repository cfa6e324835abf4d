//! One-time tasks on the database of an earlier program, beyond its tables. The first process that
//! opens it does them, before anything else.

use crate::context::Context;
use crate::error::Error;
use crate::sources::chain;
use crate::store::upkeep as table;

/// The task of sealing webhook secrets, which earlier programs stored in plain text.
const SEAL: &str = "seal";

/// Does the pending tasks. A task that can't be finished remains pending for the next start.
pub(crate) async fn upkeep(context: &Context) -> Result<(), Error> {
    if !table::is_due(&mut *context.store().read().await?, SEAL).await? {
        return Ok(());
    }
    let key = context.keystore().column_key()?;
    let mut writing = context.store().bookkeeping().await?;
    let sealed = table::seal_webhooks(&mut writing, &key).await?;
    writing.save().await?;
    tracing::info!(webhooks = sealed, "the secrets of webhooks are sealed now");
    // The old texts still exist in unused pages and dead rows.
    match context.store().wipe().await {
        Ok(()) => {
            let mut writing = context.store().bookkeeping().await?;
            table::done(&mut writing, SEAL).await?;
            writing.save().await?;
        }
        Err(error) => tracing::warn!(
            code = error.code(),
            "what was left of secrets in the database could not be wiped; it is tried again \
             at the next start: {}",
            chain(&error)
        ),
    }
    Ok(())
}
