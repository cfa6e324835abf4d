//! Adds and removes sales channels of a publishable key in one operation.

use crate::actions::update::{Update, update_in};
use crate::committed::Committed;
use crate::error::Error;
use crate::issuer::Issuer;
use crate::store::bulk::EffectiveKey;
use crate::store::keys;
use portcullis_core::token::Kind;

impl Issuer {
    /// Adds and removes sales channels of a publishable key, and publishes. Adding a channel that
    /// the key has, or removing one that it lacks, changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotPublishable`], [`Error::SharedPolicy`], [`Error::Invalid`],
    /// and the store's. On error nothing has changed.
    pub async fn change_sales_channels(
        &self,
        id: &str,
        add: &[String],
        remove: &[String],
        by: Option<&str>,
    ) -> Result<Committed<EffectiveKey>, Error> {
        if add.iter().any(|channel| remove.contains(channel)) {
            let reason = "must not hold what is to be removed as well";
            return Err(Error::Invalid { field: "add", reason });
        }
        let mut change = self.change(by).await?;
        let mut record = keys::find(&mut change, id).await?.ok_or(Error::NotFound)?;
        if record.kind != Kind::Publishable {
            return Err(Error::NotPublishable);
        }
        let before = record.sales_channels.clone();
        let kept = before.iter().filter(|channel| !remove.contains(channel));
        let sales_channels = Some(kept.chain(add).cloned().collect());
        let update = Update { sales_channels, ..Update::default() };
        let who = change.who();
        update_in(&mut change, &mut record, &update, who).await?;
        self.commit_update(change, record, &before).await
    }
}
