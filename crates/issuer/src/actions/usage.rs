//! Stores the uses of keys that gates report.

use crate::actions::idle;
use crate::context::Context;
use crate::error::Error;
use crate::record::KeyPurpose;
use crate::store::keys;

pub use crate::store::keys::Use;

/// The most keys in one report.
pub const MAX_USES: usize = 1_000;

/// Adds a gate's report to the records in one transaction. Returns how many of the reported
/// keys exist. A report isn't a change of a key: it publishes nothing and writes no event.
pub(crate) async fn report_usage(context: &Context, uses: &[Use]) -> Result<u64, Error> {
    if uses.len() > MAX_USES {
        return Err(Error::Invalid { field: "uses", reason: "must be 1000 at most" });
    }
    let mut writing = context.store().bookkeeping().await?;
    let now = writing.now().await?;
    let known = keys::used(&mut writing, uses, KeyPurpose::Token, now.secs()).await?;
    idle::note(&mut writing, context.actor().name(), uses, now).await?;
    writing.save().await?;
    Ok(known)
}
